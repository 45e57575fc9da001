build-san/agent/util/json.o: agent/util/json.c agent/util/json.h \
 agent/util/macro.h agent/util/cleanup.h
agent/util/json.h:
agent/util/macro.h:
agent/util/cleanup.h:
