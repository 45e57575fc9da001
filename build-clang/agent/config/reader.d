build-clang/agent/config/reader.o: agent/config/reader.c \
  agent/config/reader.h agent/config/problems.h agent/util/macro.h \
  agent/util/file.h agent/util/fault.h agent/util/text.h

agent/config/reader.h:

agent/config/problems.h:

agent/util/macro.h:

agent/util/file.h:

agent/util/fault.h:

agent/util/text.h:
