build-clang/agent/config/parse.o: agent/config/parse.c \
  agent/config/parse.h agent/config/config.h agent/config/problems.h \
  agent/util/macro.h agent/util/cleanup.h agent/config/reader.h \
  agent/util/file.h agent/util/fault.h agent/config/sections.h \
  agent/config/value.h agent/util/text.h

agent/config/parse.h:

agent/config/config.h:

agent/config/problems.h:

agent/util/macro.h:

agent/util/cleanup.h:

agent/config/reader.h:

agent/util/file.h:

agent/util/fault.h:

agent/config/sections.h:

agent/config/value.h:

agent/util/text.h:
