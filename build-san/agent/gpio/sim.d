build-san/agent/gpio/sim.o: agent/gpio/sim.c agent/gpio/gpio.h \
 agent/util/fault.h agent/util/macro.h agent/util/loop.h \
 agent/util/cleanup.h agent/gpio/sim_files.h agent/gpio/chip_ops.h
agent/gpio/gpio.h:
agent/util/fault.h:
agent/util/macro.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/gpio/sim_files.h:
agent/gpio/chip_ops.h:
