build-san/agent/bus/envelope.o: agent/bus/envelope.c agent/bus/envelope.h \
 agent/util/macro.h
agent/bus/envelope.h:
agent/util/macro.h:
