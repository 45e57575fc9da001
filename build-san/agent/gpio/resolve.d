build-san/agent/gpio/resolve.o: agent/gpio/resolve.c agent/gpio/line.h \
 agent/gpio/chips.h agent/gpio/chip_ops.h agent/util/loop.h \
 agent/util/cleanup.h agent/util/macro.h agent/gpio/gpio.h \
 agent/util/fault.h agent/gpio/debounce.h agent/util/suggest.h
agent/gpio/line.h:
agent/gpio/chips.h:
agent/gpio/chip_ops.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/macro.h:
agent/gpio/gpio.h:
agent/util/fault.h:
agent/gpio/debounce.h:
agent/util/suggest.h:
