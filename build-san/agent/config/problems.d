build-san/agent/config/problems.o: agent/config/problems.c \
 agent/config/problems.h agent/util/macro.h agent/util/cleanup.h
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
