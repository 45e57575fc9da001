build-clang/agent/gpio/debounce.o: agent/gpio/debounce.c \
  agent/gpio/debounce.h agent/util/loop.h agent/util/cleanup.h \
  agent/util/macro.h

agent/gpio/debounce.h:

agent/util/loop.h:

agent/util/cleanup.h:

agent/util/macro.h:
