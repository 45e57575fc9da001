build-san/agent/bus/session.o: agent/bus/session.c agent/bus/session.h \
 agent/bus/tls.h agent/util/fault.h agent/util/macro.h agent/util/loop.h \
 agent/util/cleanup.h agent/bus/backoff.h agent/bus/reason.h \
 agent/bus/repeat.h agent/bus/resolve.h agent/bus/transport.h \
 agent/util/url.h agent/util/log.h
agent/bus/session.h:
agent/bus/tls.h:
agent/util/fault.h:
agent/util/macro.h:
agent/util/loop.h:
agent/util/cleanup.h:
agent/bus/backoff.h:
agent/bus/reason.h:
agent/bus/repeat.h:
agent/bus/resolve.h:
agent/bus/transport.h:
agent/util/url.h:
agent/util/log.h:
