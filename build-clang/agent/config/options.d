build-clang/agent/config/options.o: agent/config/options.c \
  agent/config/options.h agent/include/sconce/plugin.h \
  agent/config/config.h agent/config/problems.h agent/util/macro.h \
  agent/util/cleanup.h agent/config/later.h agent/config/suggest.h \
  agent/config/types.h agent/config/value.h agent/config/reader.h \
  agent/util/file.h agent/util/fault.h agent/util/text.h

agent/config/options.h:

agent/include/sconce/plugin.h:

agent/config/config.h:

agent/config/problems.h:

agent/util/macro.h:

agent/util/cleanup.h:

agent/config/later.h:

agent/config/suggest.h:

agent/config/types.h:

agent/config/value.h:

agent/config/reader.h:

agent/util/file.h:

agent/util/fault.h:

agent/util/text.h:
