build-san/tests/unit/test_config_load.o: tests/unit/test_config_load.c \
 tests/fakes/config_text.h agent/config/config.h agent/config/problems.h \
 agent/util/macro.h agent/util/cleanup.h
tests/fakes/config_text.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
