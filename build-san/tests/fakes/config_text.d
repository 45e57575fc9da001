build-san/tests/fakes/config_text.o: tests/fakes/config_text.c \
 tests/fakes/config_text.h agent/config/config.h agent/config/problems.h \
 agent/util/macro.h agent/util/cleanup.h
tests/fakes/config_text.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
