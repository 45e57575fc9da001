build-san/agent/config/sections.o: agent/config/sections.c \
 agent/config/sections.h agent/config/config.h agent/config/problems.h \
 agent/util/macro.h agent/util/cleanup.h agent/config/value.h \
 agent/config/reader.h agent/util/file.h agent/util/fault.h
agent/config/sections.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
agent/config/value.h:
agent/config/reader.h:
agent/util/file.h:
agent/util/fault.h:
