build-clang/agent/config/builtin.o: agent/config/builtin.c \
  agent/config/builtin.h agent/config/config.h agent/config/problems.h \
  agent/util/macro.h agent/util/cleanup.h agent/config/describe.h \
  agent/include/sconce/plugin.h agent/config/options.h \
  agent/util/fault.h agent/config/checks.h agent/config/dump.h \
  agent/util/file.h

agent/config/builtin.h:

agent/config/config.h:

agent/config/problems.h:

agent/util/macro.h:

agent/util/cleanup.h:

agent/config/describe.h:

agent/include/sconce/plugin.h:

agent/config/options.h:

agent/util/fault.h:

agent/config/checks.h:

agent/config/dump.h:

agent/util/file.h:
