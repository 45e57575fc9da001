build-san/agent/config/dump.o: agent/config/dump.c agent/config/dump.h \
 agent/config/options.h agent/include/sconce/plugin.h \
 agent/config/config.h agent/config/problems.h agent/util/macro.h \
 agent/util/cleanup.h agent/util/text.h
agent/config/dump.h:
agent/config/options.h:
agent/include/sconce/plugin.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
agent/util/text.h:
