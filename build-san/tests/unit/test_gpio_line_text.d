build-san/tests/unit/test_gpio_line_text.o: \
 tests/unit/test_gpio_line_text.c agent/gpio/line.h agent/gpio/chips.h \
 agent/gpio/chip_ops.h agent/util/loop.h agent/util/cleanup.h \
 agent/util/macro.h agent/gpio/gpio.h agent/util/fault.h \
 agent/gpio/debounce.h
agent/gpio/line.h:
agent/gpio/chips.h:
agent/gpio/chip_ops.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/macro.h:
agent/gpio/gpio.h:
agent/util/fault.h:
agent/gpio/debounce.h:
