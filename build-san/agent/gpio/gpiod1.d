build-san/agent/gpio/gpiod1.o: agent/gpio/gpiod1.c agent/gpio/chip_ops.h \
 agent/util/loop.h agent/util/cleanup.h agent/util/macro.h \
 agent/gpio/gpio.h agent/util/fault.h
agent/gpio/chip_ops.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/macro.h:
agent/gpio/gpio.h:
agent/util/fault.h:
