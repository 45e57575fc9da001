build-san/tests/unit/test_config_options.o: \
 tests/unit/test_config_options.c agent/config/options.h \
 agent/include/sconce/plugin.h agent/config/config.h \
 agent/config/problems.h agent/util/macro.h agent/util/cleanup.h \
 tests/fakes/config_text.h
agent/config/options.h:
agent/include/sconce/plugin.h:
agent/config/config.h:
agent/config/problems.h:
agent/util/macro.h:
agent/util/cleanup.h:
tests/fakes/config_text.h:
