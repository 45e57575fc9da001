build-clang/agent/util/text.o: agent/util/text.c agent/util/text.h

agent/util/text.h:
