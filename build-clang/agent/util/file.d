build-clang/agent/util/file.o: agent/util/file.c agent/util/file.h \
  agent/util/fault.h agent/util/macro.h agent/util/cleanup.h

agent/util/file.h:

agent/util/fault.h:

agent/util/macro.h:

agent/util/cleanup.h:
