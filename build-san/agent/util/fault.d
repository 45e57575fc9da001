build-san/agent/util/fault.o: agent/util/fault.c agent/util/fault.h \
 agent/util/macro.h
agent/util/fault.h:
agent/util/macro.h:
