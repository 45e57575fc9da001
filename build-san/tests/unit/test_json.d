build-san/tests/unit/test_json.o: tests/unit/test_json.c \
 agent/util/json.h agent/util/macro.h
agent/util/json.h:
agent/util/macro.h:
