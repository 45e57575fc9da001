build-san/agent/config/value.o: agent/config/value.c agent/config/value.h \
 agent/config/reader.h agent/config/problems.h agent/util/macro.h \
 agent/util/file.h agent/util/fault.h agent/util/cleanup.h \
 agent/util/text.h
agent/config/value.h:
agent/config/reader.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/file.h:
agent/util/fault.h:
agent/util/cleanup.h:
agent/util/text.h:
