build-clang/agent/gpio/gpio.o: agent/gpio/gpio.c agent/gpio/gpio.h \
  agent/util/fault.h agent/util/macro.h agent/util/loop.h \
  agent/util/cleanup.h agent/gpio/line.h agent/gpio/chips.h \
  agent/gpio/chip_ops.h agent/gpio/debounce.h agent/util/log.h

agent/gpio/gpio.h:

agent/util/fault.h:

agent/util/macro.h:

agent/util/loop.h:

agent/util/cleanup.h:

agent/gpio/line.h:

agent/gpio/chips.h:

agent/gpio/chip_ops.h:

agent/gpio/debounce.h:

agent/util/log.h:
