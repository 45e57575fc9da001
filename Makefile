# Sconce: one Makefile, not recursive. `make help` lists what it can do.
#
#   V=1 shows the commands, SAN=address,undefined builds with sanitizers, WERROR=1 makes warnings errors,
#   DEPS=no installs nothing, CC=clang chooses the compiler. CFLAGS and LDFLAGS of yours are appended.

VERSION := $(shell sed -n 's/^\#\# \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBDIR     ?= $(PREFIX)/lib
BUILD      ?= build
PKG_CONFIG ?= pkg-config
OBJCOPY    ?= objcopy
plugin_dir := $(LIBDIR)/sconce/plugins
completions = $(PREFIX)/share/bash-completion/completions
completed   := sconced sconce-pki sconce-broker-setup sconce-dashboard-setup
plugin_abi := $(shell sed -n 's/^\#define SCONCE_ABI //p' agent/include/sconce/plugin.h)

# ---- What it stands on ---------------------------------------------------------------------------------------------

packages       := libmosquitto openssl libgpiod libconfig libsystemd jansson sqlite3
client_package := smartcols yaml-0.1
pki_package    := libqrencode
test_package   := cmocka
gpiod_major    := $(shell $(PKG_CONFIG) --modversion libgpiod 2>/dev/null | cut -d. -f1)
unused_gpiod   := $(if $(filter 2,$(gpiod_major)),gpiod1,gpiod2)

SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough -Wnull-dereference

base_cflags := -std=gnu11 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -fvisibility=hidden -fno-common \
	-fstack-protector-strong -ffunction-sections -fdata-sections $(warnings) $(if $(WERROR),-Werror) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# Speed for what a command, a reading or a plugin passes through (`make check-instructions` sees it), size for the rest, most of
# which runs once, at the start. Nothing unwinds the stack, but debuggers, which have their own tables.
quick := $(addprefix agent/,publish sender uplink bus/tls_socket bus/topics bus/transport channel/channels channel/command \
	channel/convert channel/trend channel/value device/device device/hold device/host_line device/host_pin device/on_time device/output device/publish \
	device/requests device/saved gpio/line gpio/sim gpio/sim_files store/rows util/clock util/json util/loop util/text)
unwind   := $(if $(SAN),,-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-plt)
optimise = $(if $(SAN)$(filter tests/%,$*)$(filter $(quick),$*),-O2,-Os) $(unwind)
# The second: what the dynamic linker adjusts in a twentieth of the bytes.
base_ldflags := -Wl,-z,relro,-z,now -Wl,-z,pack-relative-relocs -Wl,--gc-sections -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))

agent_cflags = -Iagent -Iagent/include -fPIE $(shell $(PKG_CONFIG) --cflags $(packages) $(client_package) $(pki_package)) \
	-DSCONCE_VERSION='"$(VERSION)"' -DSCONCE_PLUGIN_DIR='"$(plugin_dir)"' -DSCONCE_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DSCONCE_BUILD_EPOCH=$(SOURCE_DATE_EPOCH)
agent_libs  = $(shell $(PKG_CONFIG) --libs $(packages)) -ldl -lpthread -lm
pki_libs    = $(shell $(PKG_CONFIG) --libs $(pki_package))
client_libs = $(shell $(PKG_CONFIG) --libs $(client_package))
test_libs   = $(shell $(PKG_CONFIG) --libs $(test_package))
# Where it is there, the unit's system-call filter is tested.
seccomp_libs   := $(shell $(PKG_CONFIG) --silence-errors --libs libseccomp)
seccomp_cflags := $(if $(seccomp_libs),-DSCONCE_HAVE_SECCOMP)

# ---- What there is -------------------------------------------------------------------------------------------------

layers       := util enrol config gpio store channel plugin rule discovery device home bus
lib_sources  := $(filter-out %/$(unused_gpiod).c,$(foreach layer,$(layers),$(wildcard agent/$(layer)/*.c))) \
	$(filter-out agent/main.c,$(wildcard agent/*.c))
lib_objects  := $(lib_sources:%.c=$(BUILD)/%.o)
mock_objects := $(patsubst %.c,$(BUILD)/%.o,$(wildcard agent/sdk/mock/*.c))
runner_objs  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard agent/sdk/runner/*.c))
pki_objs     := $(patsubst %.c,$(BUILD)/%.o,$(wildcard certs/*.c))
client_objs  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard agent/client/*.c agent/client/*/*.c))
plugins      := $(patsubst plugins/%.c,$(BUILD)/plugins/%.so,$(wildcard plugins/*.c))
test_plugins := $(patsubst tests/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/plugins/*.c))
preloaded    := $(patsubst tests/preload/%.c,$(BUILD)/tests/preload/%.so,$(wildcard tests/preload/*.c))

# Each fuzz target has two mains: libFuzzer's (make fuzz), and one that gives it its seeds.
fuzz_names   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_objs    := $(patsubst %,$(BUILD)/tests/%.o,fuzz/fuzz fuzz/devices fakes/plugin_file)
fuzz_replays := $(fuzz_names:%=$(BUILD)/tests/fuzz/replay_%)

unit_tests   := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c)) \
	$(BUILD)/tests/stress/test_judge $(fuzz_replays)
system_tests := $(patsubst tests/system/%.c,$(BUILD)/tests/system/%,$(wildcard tests/system/test_*.c))
# Begun first, so that none of them runs on alone at the end.
slow_tests   := $(patsubst %,$(BUILD)/tests/system/test_%,guide bridge pki_full dashboard_setup)
# Most wait most of the time: three more than there are processors fit beside.
some_more    := TEST_JOBS=$${TEST_JOBS:-$$(($$(nproc) + 3))}
fake_objs    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fakes/*.c))
system_objs  := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/system/test_%,$(wildcard tests/system/*.c)))
stress_objs  := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/stress/test_%,$(wildcard tests/stress/*.c)))
stress_test  := $(BUILD)/tests/stress/test_stress
sim_objs     := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c)) $(BUILD)/tests/stress/dice.o
sim_program  := $(BUILD)/tests/sim/sim
sim_plugin   := $(BUILD)/tests/plugins/numbers.so
# The proofs by injected faults: programs, and scripts that print what CMocka prints.
fault_objs   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/faults/test_%,$(wildcard tests/faults/*.c))) $(BUILD)/tests/stress/dice.o
fault_tests  := $(patsubst tests/faults/%.c,$(BUILD)/tests/faults/%,$(wildcard tests/faults/test_*.c))
pki_model_objs := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/pki/*.c)) \
	$(patsubst %,$(BUILD)/tests/%.o,pki/sconce_pki faults/pki_state stress/dice)
fault_scripts := $(filter-out %.c %.h,$(wildcard tests/faults/test_*))
bench_parts  := bench party probe duel group house filled
bench_objs   := $(bench_parts:%=$(BUILD)/tests/bench/%.o)
kernel_objs  := $(patsubst %,$(BUILD)/tests/kernel/%.o,gpiosim line_watch ring trace)
kernel_left_out := $(patsubst %,$(BUILD)/tests/system/%,$(shell sed -n 's/^\(test_[a-z0-9_]*\) .*/\1/p' tests/kernel/left-out))
kernel_tests := $(patsubst tests/kernel/%.c,$(BUILD)/tests/kernel/%,$(wildcard tests/kernel/test_*.c))
pi_objs      := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/pi/test_%,$(wildcard tests/pi/*.c)))
pi_tests     := $(patsubst tests/pi/%.c,$(BUILD)/tests/pi/%,$(wildcard tests/pi/test_*.c))
benches      := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(filter-out $(bench_parts:%=tests/bench/%.c),$(wildcard tests/bench/*.c)))
bench_plugins := $(BUILD)/tests/plugins/meter.so $(BUILD)/tests/plugins/slow.so $(BUILD)/tests/plugins/sloth.so $(BUILD)/tests/plugins/counted.so

sdk      := $(BUILD)/libsconce-mock.a $(BUILD)/sconce-plugin-test
programs := $(BUILD)/sconced $(BUILD)/sconce $(BUILD)/sconce-pki

quiet = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))';)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-unit check-system coverage check-stress check-instructions check-faults sim sim-parts sim-mutants proofs proofs-mutants mcdc check-kernel check-format check-layers check-manual check-homeassistant check-strangers check-brokers check-fleet check-walk check-dashboard dashboard page-deps check-pi check-valgrind deb deps manual release-help install install-agent install-sdk uninstall clean help demo bench format tests fuzz fuzz-targets

all: $(programs) $(plugins) $(sdk) ## build the daemon, the client, the plugins and the SDK (default)

# ---- Building ------------------------------------------------------------------------------------------------------

# Rebuild everything when a flag changes: the stamp's time moves only when its text does.
flags_text = $(CC) $(base_cflags) $(quick) $(unwind) $(agent_cflags) $(CFLAGS) $(CPPFLAGS) $(base_ldflags) $(LDFLAGS) $(agent_libs)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_TEXT" | cmp -s - $@ || printf '%s\n' "$$FLAGS_TEXT" > $@
$(BUILD)/flags: export FLAGS_TEXT = $(flags_text)
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,CC,$@)$(CC) $(base_cflags) $(optimise) $(agent_cflags) $(if $(findstring tests/,$<),-Itests -I. $(seccomp_cflags)) -MMD -MP $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/libagent.a: $(lib_objects)
	$(call quiet,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# The mock host of the plugins' unit tests, and of other people's.
$(BUILD)/libsconce-mock.a: $(mock_objects)
	$(call quiet,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/sconce-plugin-test: $(runner_objs) $(BUILD)/libsconce-mock.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) -pie $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs)

$(BUILD)/sconced: $(BUILD)/agent/main.o $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) -pie $(LDFLAGS) -o $@ $^ $(agent_libs)

# Without its main: for the unit tests.
$(BUILD)/libclient.a: $(filter-out %/main.o,$(client_objs))
	$(call quiet,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/sconce: $(BUILD)/agent/client/main.o $(BUILD)/libclient.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) -pie $(LDFLAGS) -o $@ $^ $(agent_libs) $(client_libs)

$(BUILD)/libpki.a: $(filter-out %/main.o,$(pki_objs))
	$(call quiet,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/sconce-pki: $(BUILD)/certs/main.o $(BUILD)/libpki.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) -pie $(LDFLAGS) -o $@ $^ $(agent_libs) $(pki_libs)

# A plugin sees the public header alone and may import nothing but libc: host services come through the host struct.
plugin_build = $(CC) $(base_cflags) -O2 $(unwind) -Iagent/include -fPIC -MMD -MP $(CPPFLAGS) $(CFLAGS) $(base_ldflags) -shared \
	$(if $(SAN),,-Wl,-z,defs) $(LDFLAGS) -o $@ $< -lm
$(BUILD)/plugins/%.so: plugins/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,PLUGIN,$@)$(plugin_build)

$(BUILD)/tests/plugins/%.so: tests/plugins/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,PLUGIN,$@)$(plugin_build)

$(BUILD)/tests/preload/%.so: tests/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,PLUGIN,$@)$(plugin_build)

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(fake_objs) $(BUILD)/libsconce-mock.a $(BUILD)/libclient.a $(BUILD)/libpki.a \
		$(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(client_libs) $(test_libs)

$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(fuzz_objs) $(BUILD)/libclient.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(agent_libs) $(client_libs)

$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/replay.o $(BUILD)/tests/fuzz/fuzz_%.o $(fuzz_objs) $(BUILD)/libclient.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(client_libs) $(test_libs)

$(BUILD)/tests/system/test_%: $(BUILD)/tests/system/test_%.o $(system_objs) $(fake_objs) $(BUILD)/libsconce-mock.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

$(BUILD)/tests/stress/test_%: $(BUILD)/tests/stress/test_%.o $(stress_objs) $(system_objs) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

$(BUILD)/tests/faults/test_%: $(BUILD)/tests/faults/test_%.o $(fault_objs) $(system_objs) $(fake_objs) $(BUILD)/libsconce-mock.a \
		$(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

# The machine, the broker, the threads are its own: it stands before libagent.a, which is not asked for theirs then.
$(sim_program): $(sim_objs) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs)

# Have no memory for a message, and for a job.
$(BUILD)/tests/unit/test_history: private LDFLAGS += -Wl,--wrap=uplink_history
$(BUILD)/tests/unit/test_store_outbox: private LDFLAGS += -Wl,--wrap=outbox_job_new

# Has no memory for timers, and none to save in.
$(BUILD)/tests/unit/test_home_memory: private LDFLAGS += -Wl,--wrap=timer_new,--wrap=store_put

# Has no memory for the record.
$(BUILD)/tests/unit/test_device_driven: private LDFLAGS += -Wl,--wrap=json_put_string

# Has no memory for the rings of a trend.
$(BUILD)/tests/unit/test_channel_trend: private LDFLAGS += -Wl,--wrap=trend_buckets_new

# Plays a kernel driver that refuses a level.
$(BUILD)/tests/unit/test_device_dimmer: private LDFLAGS += -Wl,--wrap=sysfs_put_number

# Counts what the session's handlers are called with.
$(BUILD)/tests/faults/test_hostile_broker: private LDFLAGS += -Wl,--wrap=session_new,--wrap=session_free,--wrap=assertion_survived

# Runs sconce-pki in its children, by its own clock.
$(BUILD)/tests/pki/sconce_pki.o: $(BUILD)/certs/main.o
	@mkdir -p $(@D)
	$(call quiet,OBJCOPY,$@)$(OBJCOPY) --redefine-sym main=sconce_pki_main $< $@
$(BUILD)/tests/faults/test_pki_model: $(BUILD)/tests/faults/test_pki_model.o $(pki_model_objs) $(BUILD)/libpki.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(pki_libs) $(test_libs)

# On the simulator's card, in its time: all of it but its main.
$(BUILD)/tests/faults/test_power_cut: $(BUILD)/tests/faults/test_power_cut.o $(filter-out %/sim.o,$(sim_objs)) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs)

# The same world, with a house and moves of its own.
$(BUILD)/tests/faults/test_outage: $(BUILD)/tests/faults/test_outage.o $(filter-out %/sim.o %/house.o %/moves.o,$(sim_objs)) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs)

$(BUILD)/tests/kernel/gpiosim-setup: $(BUILD)/tests/kernel/gpiosim-setup.o $(BUILD)/tests/kernel/gpiosim.o
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/kernel/test_%: $(BUILD)/tests/kernel/test_%.o $(kernel_objs) $(system_objs) $(fake_objs) $(BUILD)/libsconce-mock.a \
		$(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

$(BUILD)/tests/pi/test_%: $(BUILD)/tests/pi/test_%.o $(pi_objs) $(system_objs) $(fake_objs) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

# In the simulator's world, too.
$(BUILD)/tests/bench/day: $(BUILD)/tests/bench/day.o $(filter-out %/sim.o %/house.o %/moves.o,$(sim_objs)) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(bench_objs) $(system_objs) $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(test_libs) $(seccomp_libs)

# Of our own objects alone: under $(BUILD) there are other trees as well, which a `make deb` beside us makes and removes.
sources := $(foreach depth,agent agent/* agent/*/* certs plugins packaging tests/*,$(wildcard $(depth)/*.c))
-include $(patsubst %.c,$(BUILD)/%.d,$(sources))

# ---- Checking ------------------------------------------------------------------------------------------------------

tests: all $(unit_tests) $(system_tests) $(stress_test) $(sim_program) $(fault_tests) $(kernel_tests) $(pi_tests) $(test_plugins) $(preloaded) $(BUILD)/tests/kernel/gpiosim-setup ## build the tests without running them

check: $(if $(filter no,$(DEPS)),,deps) check-format check-layers check-manual tests ## run all tests (under 4 minutes)
	@$(some_more) tests/run-tests $(slow_tests) $(unit_tests) $(filter-out $(slow_tests),$(system_tests))

check-unit: all $(unit_tests) $(test_plugins) ## run the unit tests
	@tests/run-tests $(unit_tests)

check-system: tests ## run the system tests: the real daemon, a real broker
	@$(some_more) tests/run-tests $(filter-out $(left_out),$(slow_tests) $(filter-out $(slow_tests),$(system_tests)))

check-stress: all $(stress_test) ## random houses under random moves for STRESS_SECONDS (30), judged by their edges (tests/README.md)
	@TEST_LIVE=1 TEST_TIMEOUT_S=$$(($${STRESS_SECONDS:-30} + 300)) tests/run-tests $(stress_test)

check-instructions: all $(BUILD)/tests/bench/instructions $(BUILD)/tests/bench/echo ## count instructions a command, reading, connection with callgrind; fails when they have grown (tests/README.md)
	@BUILD=$(BUILD) tests/bench/check-instructions

check-faults: tests ## prove by injected faults what docs/reliability.md promises, and write what was seen there (under 10 minutes)
	@tests/faults/run $(BUILD) $(fault_tests) $(fault_scripts)

sim: all $(sim_program) $(sim_plugin) ## play SEEDS (1) seeds from SEED (1) of DAYS (1) simulated days, of DEVICES (10 to 15; as it comes); SHOW=1 prints all that happens (tests/README.md)
	@SEED='$(SEED)' SEEDS='$(SEEDS)' DAYS='$(DAYS)' DEVICES='$(DEVICES)' SHOW='$(SHOW)' JOBS='$(JOBS)' FAILURES='$(FAILURES)' $(sim_program) $(BUILD)/plugins $(sim_plugin)

sim-parts: $(plugins) $(sim_program) $(sim_plugin)

sim-mutants: ## plant each bug of tests/sim/mutants/ into a copy, and see that the simulator finds it within 300 seeds
	@BUILD='$(abspath $(BUILD))/mutants' CC='$(CC)' tests/sim/plant

proofs: ## prove with cbmc, in a Debian 13 root, that an interlock holds, and topics, addresses and payloads are read within their bounds (tests/README.md)
	@tests/proofs/run

proofs-mutants: ## plant each bug of tests/proofs/mutants/ into a copy, and see that its proof fails
	@tests/proofs/run --mutants

mcdc: ## count with clang 19, in a Debian 13 root, which conditions the unit tests show to matter (tests/README.md)
	@tests/mcdc/run

fuzz: ## fuzz what comes from outside, each target for FUZZ_SECONDS (60), with clang's libFuzzer (tests/README.md)
	@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/fuzz/run $(fuzz_names)

fuzz-targets: $(plugins) $(fuzz_names:%=$(BUILD)/tests/fuzz/fuzz_%)

check-valgrind: all $(unit_tests) $(test_plugins) ## run the unit tests under valgrind
	@tests/run-tests --valgrind $(unit_tests)

coverage: ## count the lines that unit and system tests run, by folder; fails below 90 % (tests/README.md)
	@find $(BUILD)/cov -name '*.gcda' -delete 2>/dev/null || true
	@PATH="$(abspath $(BUILD))/cov:$$PATH" $(MAKE) --no-print-directory DEPS=no BUILD=$(BUILD)/cov \
		CFLAGS='$(CFLAGS) -Og --coverage -fprofile-update=atomic -DSCONCE_COVERAGE' left_out='%/test_guide' check-unit check-system
	@tests/coverage $(BUILD)/cov

check-kernel: tests ## run gpio's and the system tests on the kernel's own gpio-sim (tests/README.md; the first run takes minutes)
	@tests/kernel/check $(kernel_tests) $(filter-out $(kernel_left_out),$(system_tests))

check-pi: all $(pi_tests) ## install and drive the packages on an emulated Raspberry Pi (tests/README.md; the first run takes 20 minutes)
	@tests/pi/check $(pi_tests)

check-homeassistant: ## try it with the newest Home Assistant from PyPI (tests/README.md; the first run takes ten minutes)
	@tests/homeassistant/check

check-strangers: all $(BUILD)/tests/plugins/probe.so ## try it with MQTT.js, paho for Python and Go, and Node-RED (tests/README.md; the first run takes two minutes)
	@tests/strangers/check

check-brokers: all tests ## try the session on other brokers than this machine's mosquitto (tests/README.md)
	@tests/strangers/brokers

check-fleet: all $(BUILD)/tests/preload/clock.so ## have NODES (200) nodes join and live through a year of renewals, seed SEED (tests/README.md)
	@tests/fleet/check $(BUILD)

check-walk: $(BUILD)/tests/preload/plain.so ## boot Debian machines: from the packages to a switched lamp, and what the packages do (tests/README.md; the first run takes ten minutes)
	@tests/walk/check -p $<

check-dashboard: all ## try the page in Chromium: real broker, real node, client certificates (tests/README.md)
	@MAKE='$(MAKE)' BUILD='$(BUILD)' tests/dashboard/check

bench: all $(benches) $(bench_plugins) ## measure it beside a bare client and what else there is, and write docs/performance.md; QUICK=1 prints alone, without those (tests/README.md)
	@QUICK='$(QUICK)' tests/bench/run $(BUILD)

# Each plugin has two pages, which begin as a title and a list; what is written around that stays.
plugin_names := $(patsubst plugins/%.c,%,$(wildcard plugins/*.c))
plugin_pages := $(plugin_names:%=docs/plugins/%.md) $(plugin_names:%=docs/man/sconce-%.5)
pages := $(sort $(wildcard docs/man/*.[1-9]) $(shell grep -l '^<!-- begin: ' docs/*.md docs/*/*.md 2>/dev/null) $(plugin_pages))
docs/plugins/%.md:
	@mkdir -p $(@D)
	@printf '# %s\n\n<!-- begin: plugin %s -->\n<!-- end -->\n' $* $* > $@
docs/man/sconce-%.5:
	@printf '%s\n' '.\" SPDX-License-Identifier: Apache-2.0' ".TH SCONCE\-$$(echo $* | tr a-z A-Z) 5 \"\" Sconce \"Sconce\"" \
		'.\" begin: plugin $*' '.\" end' '.SH SEE ALSO' '.BR sconce.conf (5),' '.BR sconced (8)' > $@

$(BUILD)/manual: $(BUILD)/packaging/manual.o $(BUILD)/libclient.a $(BUILD)/libagent.a
	$(call quiet,LD,$@)$(CC) $(base_cflags) $(CFLAGS) $(base_ldflags) $(LDFLAGS) -o $@ $^ $(agent_libs) $(client_libs)

manual: $(BUILD)/manual $(plugins) $(sdk) $(plugin_pages) ## write the lists in docs/ and the man pages again, from the programs' own tables
	@$< $(BUILD)/plugins $(pages)

written := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs tests
check-manual: $(BUILD)/manual $(programs) $(plugins) $(sdk) ## prove that they match the tables, that links, commands, messages and functions in pages are there
	@tests/check-architecture
	@tests/check-links $(written)
	@tests/check-commands $(BUILD) $(written)
	@tests/commands/check README.md docs
	@tests/check-messages docs/troubleshooting.md docs/tls.md
	@$< --check $(BUILD)/plugins $(pages) && echo "manual: the pages match the tables"

check-layers: ## prove that includes go one way
	@tests/check-layers

check-format: ## prove that every C file follows .clang-format
	@tests/check-format

format: ## format every C file by .clang-format
	@tests/check-format --fix

# ---- The page for browsers -----------------------------------------------------------------------------------------

page := etc/dashboard
page_sources := $(filter-out %/node_modules,$(wildcard $(page)/* $(page)/*/*))

$(page)/node_modules/.package-lock.json: $(page)/package-lock.json
	$(call quiet,NPM,$(page))npm ci --prefix $(page) --ignore-scripts --no-audit --no-fund >/dev/null
	@touch $@

$(BUILD)/dashboard/index.html: $(page_sources) $(page)/node_modules/.package-lock.json
	$(call quiet,TSC,$(page))cd $(page) && node_modules/.bin/tsc --noEmit
	$(call quiet,PAGE,$@)node $(page)/build.mjs $(@D)
	@touch $@

dashboard: $(if $(filter no,$(DEPS)),,page-deps) $(BUILD)/dashboard/index.html ## build the page for browsers into build/dashboard/ (TypeScript, npm)

page-deps:
	@packaging/deps --page

# ---- The rest ------------------------------------------------------------------------------------------------------

deps: ## install what building and testing needs (Debian)
	@packaging/deps

deb: ## build the Debian packages into build/packages/
	@$(if $(filter no,$(DEPS)),,packaging/deps --deb --page)
	@BUILD=$(BUILD) packaging/make-deb

release-help: ## print what to do before a release
	@cat packaging/release

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "  %-20s %s\n", $$1, $$2 }'

demo: $(if $(filter no,$(DEPS)),,deps) ## build, then run it all on this machine; FOR=10s stops by itself, PAGE=no leaves the page out
	@$(MAKE) --no-print-directory DEPS=no all
	@FOR='$(FOR)' PAGE='$(PAGE)' DEPS='$(DEPS)' packaging/demo

install: install-agent install-sdk ## install into DESTDIR, PREFIX, SYSCONFDIR, LIBDIR

# INSTALL_ONLY=yes: what has been built, as it is.
install-agent: $(if $(INSTALL_ONLY),,all) ## install the daemon, the commands and the plugins alone
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(plugin_dir) \
		$(DESTDIR)$(SYSCONFDIR)/sconce/conf.d $(DESTDIR)$(PREFIX)/share/sconce/examples \
		$(DESTDIR)$(PREFIX)/share/sconce/mosquitto $(DESTDIR)$(PREFIX)/share/sconce/nginx
	install -m 755 $(BUILD)/sconced $(DESTDIR)$(PREFIX)/sbin/sconced
	install -m 755 $(BUILD)/sconce $(BUILD)/sconce-pki certs/sconce-broker-setup certs/sconce-dashboard-setup $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(plugins) $(DESTDIR)$(plugin_dir)/
	install -m 644 etc/examples/*.conf etc/examples/*.json $(DESTDIR)$(PREFIX)/share/sconce/examples/
	install -m 644 etc/mosquitto/*.conf $(DESTDIR)$(PREFIX)/share/sconce/mosquitto/
	install -m 644 etc/nginx/*.conf $(DESTDIR)$(PREFIX)/share/sconce/nginx/
	@# The page, where `make dashboard` has built it.
	! test -e $(BUILD)/dashboard/index.html || { install -d $(DESTDIR)$(PREFIX)/share/sconce/dashboard && \
		cp -R $(BUILD)/dashboard/. $(DESTDIR)$(PREFIX)/share/sconce/dashboard && \
		chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/share/sconce/dashboard; }
	for page in docs/man/*.[1-9]; do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; done
	install -D -m 644 packaging/sconce.bash $(DESTDIR)$(completions)/sconce
	for command in $(completed); do ln -sf sconce $(DESTDIR)$(completions)/$$command || exit; done
	@# A config that is there already is the user's.
	test -e $(DESTDIR)$(SYSCONFDIR)/sconce/sconce.conf || \
		install -m 644 etc/sconce.conf $(DESTDIR)$(SYSCONFDIR)/sconce/sconce.conf

install-sdk: $(if $(INSTALL_ONLY),,$(sdk)) ## install what plugin authors need alone
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/sconce $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 755 $(BUILD)/sconce-plugin-test $(DESTDIR)$(PREFIX)/bin/
	sed -e 's|@VERSION@|$(VERSION)|' agent/sdk/sconce-plugin-new > $(DESTDIR)$(PREFIX)/bin/sconce-plugin-new
	chmod 755 $(DESTDIR)$(PREFIX)/bin/sconce-plugin-new
	install -d $(DESTDIR)$(PREFIX)/share/sconce/plugin-template
	install -m 644 agent/sdk/template/* $(DESTDIR)$(PREFIX)/share/sconce/plugin-template/
	install -m 644 agent/include/sconce/*.h $(DESTDIR)$(PREFIX)/include/sconce/
	install -m 644 $(BUILD)/libsconce-mock.a $(DESTDIR)$(LIBDIR)/
	for pc in sconce sconce-mock; do \
		sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@PLUGIN_DIR@|$(plugin_dir)|' \
			-e 's|@ABI@|$(plugin_abi)|' -e 's|@VERSION@|$(VERSION)|' packaging/$$pc.pc.in \
			> $(DESTDIR)$(LIBDIR)/pkgconfig/$$pc.pc || exit 1; \
	done

uninstall: ## remove what install made; the config stays
	rm -f $(DESTDIR)$(PREFIX)/sbin/sconced $(DESTDIR)$(PREFIX)/bin/sconce $(DESTDIR)$(PREFIX)/bin/sconce-pki $(DESTDIR)$(PREFIX)/bin/sconce-broker-setup \
		$(DESTDIR)$(PREFIX)/bin/sconce-dashboard-setup \
		$(DESTDIR)$(PREFIX)/bin/sconce-plugin-new $(DESTDIR)$(PREFIX)/bin/sconce-plugin-test \
		$(patsubst agent/include/%,$(DESTDIR)$(PREFIX)/include/%,$(wildcard agent/include/sconce/*.h)) \
		$(DESTDIR)$(LIBDIR)/libsconce-mock.a $(DESTDIR)$(LIBDIR)/pkgconfig/sconce.pc \
		$(DESTDIR)$(LIBDIR)/pkgconfig/sconce-mock.pc
	rm -rf $(DESTDIR)$(LIBDIR)/sconce $(DESTDIR)$(PREFIX)/share/sconce
	for command in sconce $(completed); do rm -f $(DESTDIR)$(completions)/$$command; done
	for page in docs/man/*.[1-9]; do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	-rmdir $(DESTDIR)$(PREFIX)/include/sconce
