build-clang/agent/config/checks.o: agent/config/checks.c \
  agent/config/checks.h agent/config/builtin.h agent/config/config.h \
  agent/config/problems.h agent/util/macro.h agent/util/cleanup.h \
  agent/config/describe.h agent/include/sconce/plugin.h \
  agent/config/options.h agent/util/fault.h agent/util/text.h \
  agent/util/url.h

agent/config/checks.h:

agent/config/builtin.h:

agent/config/config.h:

agent/config/problems.h:

agent/util/macro.h:

agent/util/cleanup.h:

agent/config/describe.h:

agent/include/sconce/plugin.h:

agent/config/options.h:

agent/util/fault.h:

agent/util/text.h:

agent/util/url.h:
