build-clang/agent/util/loop.o: agent/util/loop.c agent/util/loop.h \
  agent/util/cleanup.h agent/util/macro.h

agent/util/loop.h:

agent/util/cleanup.h:

agent/util/macro.h:
