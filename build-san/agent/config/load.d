build-san/agent/config/load.o: agent/config/load.c agent/config/config.h \
 agent/config/problems.h agent/util/macro.h agent/util/cleanup.h \
 agent/config/parse.h agent/config/reader.h agent/util/file.h \
 agent/util/fault.h agent/util/text.h
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
agent/config/parse.h:
agent/config/reader.h:
agent/util/file.h:
agent/util/fault.h:
agent/util/text.h:
