build-san/tests/fakes/gpio_fixture.o: tests/fakes/gpio_fixture.c \
 tests/fakes/gpio_fixture.h agent/gpio/gpio.h agent/util/fault.h \
 agent/util/macro.h agent/util/loop.h agent/util/cleanup.h
tests/fakes/gpio_fixture.h:
agent/gpio/gpio.h:
agent/util/fault.h:
agent/util/macro.h:
agent/util/loop.h:
agent/util/cleanup.h:
