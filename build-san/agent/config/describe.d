build-san/agent/config/describe.o: agent/config/describe.c \
 agent/config/describe.h agent/include/sconce/plugin.h \
 agent/config/options.h agent/config/config.h agent/config/problems.h \
 agent/util/macro.h agent/util/cleanup.h
agent/config/describe.h:
agent/include/sconce/plugin.h:
agent/config/options.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
