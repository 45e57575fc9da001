build-san/agent/bus/backoff.o: agent/bus/backoff.c agent/bus/backoff.h \
 agent/util/macro.h
agent/bus/backoff.h:
agent/util/macro.h:
