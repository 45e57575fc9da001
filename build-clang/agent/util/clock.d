build-clang/agent/util/clock.o: agent/util/clock.c agent/util/clock.h \
  agent/util/loop.h agent/util/cleanup.h agent/util/macro.h \
  agent/util/log.h

agent/util/clock.h:

agent/util/loop.h:

agent/util/cleanup.h:

agent/util/macro.h:

agent/util/log.h:
