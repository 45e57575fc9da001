build-san/agent/bus/reason.o: agent/bus/reason.c agent/bus/reason.h \
 agent/util/fault.h agent/util/macro.h
agent/bus/reason.h:
agent/util/fault.h:
agent/util/macro.h:
