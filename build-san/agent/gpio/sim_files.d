build-san/agent/gpio/sim_files.o: agent/gpio/sim_files.c \
 agent/gpio/sim_files.h agent/gpio/chip_ops.h agent/util/loop.h \
 agent/util/cleanup.h agent/util/macro.h
agent/gpio/sim_files.h:
agent/gpio/chip_ops.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/macro.h:
