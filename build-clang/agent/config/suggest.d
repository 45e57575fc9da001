build-clang/agent/config/suggest.o: agent/config/suggest.c \
  agent/config/suggest.h agent/util/macro.h

agent/config/suggest.h:

agent/util/macro.h:
