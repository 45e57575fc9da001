build-clang/agent/gpio/print.o: agent/gpio/print.c agent/gpio/chips.h \
  agent/gpio/chip_ops.h agent/util/loop.h agent/util/cleanup.h \
  agent/util/macro.h agent/gpio/gpio.h agent/util/fault.h

agent/gpio/chips.h:

agent/gpio/chip_ops.h:

agent/util/loop.h:

agent/util/cleanup.h:

agent/util/macro.h:

agent/gpio/gpio.h:

agent/util/fault.h:
