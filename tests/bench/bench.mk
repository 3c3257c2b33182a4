# Side-by-side benchmarks: see tests/bench/run.py. Included by the Makefile.
#
#   make bench              the whole table, on a quiet machine: about ten minutes
#   make bench QUICK=1      few and short runs: shows that it works, but measures nothing
#   make bench RECORD=1     and writes it into README.md
#   make counts             writes tests/bench/counts.json; a test compares the numbers of system calls with it

BENCH = $(addprefix $(BUILD)/bench/,load load-native server delay paired spawn)
bench_objects = $(patsubst %,$(BUILD)/obj/tests/bench/%.o,$(1))

.PHONY: bench bench-programs counts
bench-programs: $(BENCH)
e2e-programs: bench-programs

bench:
	@tests/install-dependencies --bench
	@$(MAKE) -s all bench-programs
	@/usr/bin/python3 tests/bench/run.py $(if $(QUICK),--quick) $(if $(RECORD),--record) --build $(BUILD)

counts:
	@tests/install-dependencies --bench
	@$(MAKE) -s all bench-programs
	@/usr/bin/python3 tests/bench/counts.py --build $(BUILD)

$(BUILD)/bench/load: $(call bench_objects,load session channel_plain)
$(BUILD)/bench/load-native: $(call bench_objects,load session channel_openssl)
$(BUILD)/bench/server: $(call bench_objects,server)
$(BUILD)/bench/delay: $(call bench_objects,delay)
$(BUILD)/bench/paired: $(call bench_objects,paired)
$(BUILD)/bench/spawn: $(call bench_objects,spawn)

$(BUILD)/bench/load-native $(BUILD)/bench/server: BENCH_LIBRARIES = -lssl -lcrypto

$(BENCH):
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(BENCH_LIBRARIES) -pthread -ldl
