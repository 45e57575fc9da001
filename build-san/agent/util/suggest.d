build-san/agent/util/suggest.o: agent/util/suggest.c agent/util/suggest.h \
 agent/util/macro.h
agent/util/suggest.h:
agent/util/macro.h:
