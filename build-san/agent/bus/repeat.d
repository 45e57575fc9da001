build-san/agent/bus/repeat.o: agent/bus/repeat.c agent/bus/repeat.h \
 agent/util/macro.h
agent/bus/repeat.h:
agent/util/macro.h:
