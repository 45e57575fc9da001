build-san/tests/unit/test_gpio_sim.o: tests/unit/test_gpio_sim.c \
 tests/fakes/gpio_fixture.h agent/gpio/gpio.h agent/util/fault.h \
 agent/util/macro.h agent/util/loop.h agent/util/cleanup.h
tests/fakes/gpio_fixture.h:
agent/gpio/gpio.h:
agent/util/fault.h:
agent/util/macro.h:
agent/util/loop.h:
agent/util/cleanup.h:
