build-clang/agent/util/log.o: agent/util/log.c agent/util/log.h \
  agent/util/macro.h

agent/util/log.h:

agent/util/macro.h:
