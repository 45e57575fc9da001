build-san/agent/bus/transport.o: agent/bus/transport.c \
 agent/bus/transport.h agent/bus/reason.h agent/util/fault.h \
 agent/util/macro.h agent/bus/session.h agent/bus/tls.h agent/util/loop.h \
 agent/util/cleanup.h agent/util/url.h agent/bus/properties.h \
 agent/util/log.h
agent/bus/transport.h:
agent/bus/reason.h:
agent/util/fault.h:
agent/util/macro.h:
agent/bus/session.h:
agent/bus/tls.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/util/url.h:
agent/bus/properties.h:
agent/util/log.h:
