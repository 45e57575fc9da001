build-san/agent/config/types.o: agent/config/types.c agent/config/types.h \
 agent/include/sconce/plugin.h agent/util/macro.h agent/util/suggest.h
agent/config/types.h:
agent/include/sconce/plugin.h:
agent/util/macro.h:
agent/util/suggest.h:
