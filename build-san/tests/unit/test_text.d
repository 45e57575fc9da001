build-san/tests/unit/test_text.o: tests/unit/test_text.c \
 agent/util/macro.h agent/util/text.h
agent/util/macro.h:
agent/util/text.h:
