build-san/tests/unit/test_config_builtin.o: \
 tests/unit/test_config_builtin.c agent/config/builtin.h \
 agent/config/config.h agent/config/problems.h agent/util/macro.h \
 agent/util/cleanup.h agent/config/describe.h \
 agent/include/sconce/plugin.h agent/config/options.h agent/util/fault.h \
 tests/fakes/config_text.h
agent/config/builtin.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
agent/config/describe.h:
agent/include/sconce/plugin.h:
agent/config/options.h:
agent/util/fault.h:
tests/fakes/config_text.h:
