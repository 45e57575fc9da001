build-san/agent/bus/topics.o: agent/bus/topics.c agent/bus/topics.h \
 agent/util/macro.h
agent/bus/topics.h:
agent/util/macro.h:
