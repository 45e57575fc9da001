build-san/agent/bus/properties.o: agent/bus/properties.c \
 agent/bus/properties.h agent/bus/session.h agent/bus/tls.h \
 agent/util/fault.h agent/util/macro.h agent/util/loop.h \
 agent/util/cleanup.h
agent/bus/properties.h:
agent/bus/session.h:
agent/bus/tls.h:
agent/util/fault.h:
agent/util/macro.h:
agent/util/loop.h:
agent/util/cleanup.h:
