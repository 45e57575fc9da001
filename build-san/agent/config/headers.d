build-san/agent/config/headers.o: agent/config/headers.c \
 agent/config/checks.h agent/config/builtin.h agent/config/config.h \
 agent/config/problems.h agent/util/macro.h agent/util/cleanup.h \
 agent/config/describe.h agent/include/sconce/plugin.h \
 agent/config/options.h agent/util/fault.h agent/config/later.h \
 agent/util/suggest.h agent/util/text.h
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
agent/config/later.h:
agent/util/suggest.h:
agent/util/text.h:
