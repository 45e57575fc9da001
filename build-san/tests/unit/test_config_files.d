build-san/tests/unit/test_config_files.o: tests/unit/test_config_files.c \
 agent/config/config.h agent/config/problems.h agent/util/macro.h \
 agent/util/cleanup.h agent/config/reader.h agent/util/file.h \
 agent/util/fault.h agent/config/sections.h agent/config/value.h \
 tests/fakes/config_text.h
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
agent/config/reader.h:
agent/util/file.h:
agent/util/fault.h:
agent/config/sections.h:
agent/config/value.h:
tests/fakes/config_text.h:
