# libFuzzer targets: tests/fuzz/fuzz_NAME.c with seeds in tests/fuzz/corpus/NAME. Included by the Makefile.
#
#     make fuzz-build                          builds them all into build/fuzz/
#     make fuzz FUZZ_SECONDS=60 FUZZ="smtp watch"   runs them (default: all, an hour each)
#
# New inputs go to build/fuzz/found/NAME, and those that crash to build/fuzz/crashes/NAME-...

FUZZ ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 3600
FUZZ_CC ?= clang
FUZZ_LENGTH ?= 4096
FUZZ_SANITIZE = address,undefined
FUZZ_CFLAGS = -std=c17 -g -O1 $(WARNINGS) $(WERROR) -fno-omit-frame-pointer -fno-sanitize-recover=all

# What the targets link: everything except the programs' main() and the library's interposed calls.
FUZZED = $(filter-out %_main.c,$(foreach folder,shim/relay shim/monitor shim/command shim/program shim/supervise/dns shim/wire policy,$(call sources,$(folder)))) \
	$(PRELOAD_TESTABLE)
FUZZED_OBJECTS = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(FUZZED))

.PHONY: fuzz-build fuzz
fuzz-build: $(patsubst %,$(BUILD)/fuzz/fuzz_%,$(FUZZ))

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -MMD -MP -c -o $@ $<

# An archive, so that each target links only what it needs.
$(BUILD)/fuzz/fuzzed.a: $(FUZZED_OBJECTS)
	rm -f $@
	ar rc $@ $^

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/fuzzed.a
	$(FUZZ_CC) -g -fsanitize=fuzzer,$(FUZZ_SANITIZE) -o $@ $^ -lssl -lcrypto -lidn2 -pthread

fuzz: fuzz-build
	@set -e; mkdir -p $(BUILD)/fuzz/crashes; for name in $(FUZZ); do \
		mkdir -p $(BUILD)/fuzz/found/$$name; \
		seeds=tests/fuzz/corpus/$$name; [ -d $$seeds ] || seeds=; \
		log=$(BUILD)/fuzz/$$name.log; \
		$(BUILD)/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_LENGTH) -timeout=10 \
			-rss_limit_mb=2048 -print_final_stats=1 -dict=tests/fuzz/mail.dict \
			-artifact_prefix=$(BUILD)/fuzz/crashes/$$name- \
			$(BUILD)/fuzz/found/$$name $$seeds >$$log 2>&1 || { tail -40 $$log; exit 1; }; \
		echo "fuzz_$$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs in $(FUZZ_SECONDS) s"; \
	done

-include $(shell find $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)
