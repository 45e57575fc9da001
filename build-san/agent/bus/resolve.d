build-san/agent/bus/resolve.o: agent/bus/resolve.c agent/bus/resolve.h \
 agent/util/loop.h agent/util/cleanup.h agent/util/macro.h
agent/bus/resolve.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/macro.h:
