build-clang/agent/config/later.o: agent/config/later.c \
  agent/config/later.h agent/util/macro.h

agent/config/later.h:

agent/util/macro.h:
