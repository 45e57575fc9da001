build-clang/agent/util/url.o: agent/util/url.c agent/util/url.h \
  agent/util/fault.h agent/util/macro.h

agent/util/url.h:

agent/util/fault.h:

agent/util/macro.h:
