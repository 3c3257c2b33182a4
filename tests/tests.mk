# The tests: see tests/README.md. Included by the Makefile.

E2E_PROGRAMS = $(patsubst tests/e2e/programs/%.c,$(BUILD)/e2e/%,$(filter-out %/resolver.c %/spy.c %/faulty.c %/clock.c %/old_libc.c,$(wildcard tests/e2e/programs/*.c)))
C_SOURCES = $(wildcard shim/*/*.[ch] shim/*/*/*.[ch] policy/*.[ch] policy/*/*.[ch] tests/unit/*.[ch] tests/e2e/programs/*.[ch] tests/e2e/older_kernel/*.[ch] tests/e2e/taken_over/*.[ch] tests/twin/*.[ch] \
	tests/fuzz/*.[ch] tests/bench/*.[ch])

.PHONY: ports roots suites clients kernels check check-quick coverage demo dependencies e2e-programs unit-programs e2e soak soak-races soak-with format format-check cppcheck

# Everything, about a quarter of an hour on two cores. The last line says how many tests passed and failed.
check: dependencies
	@tests/run

# The inner loop: no sanitizers, no twins, one level and two protocols end to end. Under three minutes from a fresh clone.
check-quick: dependencies
	@tests/run --quick

dependencies:
	@tests/install-dependencies

demo:
	@tests/install-dependencies --demo
	@$(MAKE) -s all
	@/usr/bin/python3 tests/demo.py

# The bundle in roots of other distributions, made by debootstrap, and in a container; `make demo` in fresh ones. What came of
# it goes into tests/platforms.json and the README. As root, a quarter of an hour.
roots: dependencies all e2e-programs bundle
	@tests/install-dependencies --roots
	@cd tests/e2e && RETROTLS_ROOTS=1 RETROTLS_RECORD=1 /usr/bin/python3 -m pytest -q test_old_userland.py test_musl_root.py \
		test_whole_root.py test_container.py test_fresh_machine.py

# Other architectures, built by Debian's cross compilers in a root of its own and run by qemu-user: as root, an hour and more.
# make ports ARCHITECTURES=s390x
ports: dependencies
	@tests/ports/run $(ARCHITECTURES)

# The client matrix; writes the table of it into the README.
clients: dependencies all e2e-programs
	@tests/clients-table

unit-programs: $(UNIT)
# The simulator of older kernels knows only x86-64's system calls.
OLDER_KERNEL = $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),$(BUILD)/e2e/older_kernel)
e2e-programs: $(BUILD)/taken-over/retrotls-relay $(E2E_PROGRAMS) $(OLDER_KERNEL) $(BUILD)/e2e/resolver.so $(BUILD)/e2e/spy.so $(BUILD)/e2e/faulty.so $(BUILD)/e2e/clock.so $(BUILD)/e2e/old_libc.so \
	$(BUILD)/e2e/careless-static $(BUILD)/e2e/careless-raw $(if $(filter musl,$(OTHER_BUILDS)),$(BUILD)/e2e/careless-musl) \
	$(if $(shell command -v go),$(BUILD)/e2e/careless-go)

# make e2e TESTS='test_clients.py -k curl'
e2e: all e2e-programs twin-programs
	@cd tests/e2e && /usr/bin/python3 -m pytest -q $(TESTS)

# All faults, 200 kills, the races, 10,000 sessions, 1,000 connections at once, a GiB each way; the load also with a relay
# built with TSan, and with ASan and UBSan. An hour and a half.
SOAK = cd tests/e2e && RETROTLS_SOAK=1 /usr/bin/python3 -m pytest -q -s
soak: soak-races
	@$(SOAK) test_faults.py test_kills.py test_soak.py test_watch_faults.py
	@$(SOAK) test_twin.py -k supervised
	@$(MAKE) -s soak-with KIND=tsan SANITIZE=thread
	@$(MAKE) -s soak-with KIND=asan SANITIZE=address,undefined

# 500 races for each call that writes during connect() and for each attack on names, at the levels encrypt and secure.
soak-races: all e2e-programs
	@$(SOAK) test_early_writers.py
	@$(SOAK) test_threats_h.py -k race

soak-with:
	@$(MAKE) -s BUILD=build/$(KIND) OPTIMIZE=-O1 build/$(KIND)/retrotls-relay
	@mkdir -p build/$(KIND)-e2e
	@cp build/libretrotls.so build/retrotls build/$(KIND)-e2e
	@mv build/$(KIND)/retrotls-relay build/$(KIND)-e2e
	@export RETROTLS_BUILD=$(CURDIR)/build/$(KIND)-e2e; $(SOAK) test_kills.py test_soak.py

# Under each kernel that tests/e2e/older_kernel knows: the levels, the kills, all twins, and the first ten programs of the
# client matrix. An hour. make kernels KERNELS="3.2 levels" for some of it.
kernels: all e2e-programs twin-programs
	@tests/kernels $(KERNELS)

# Other projects' whole test suites on switched descriptors, compared case by case with plain TCP. Ten minutes.
suites: dependencies all e2e-programs
	@cd tests/e2e && RETROTLS_SUITES=1 /usr/bin/python3 -m pytest -q test_suites.py

# A table of the lines of negotiators and parsers that the unit tests reach; fails if a group is below 95 %. A minute.
coverage: dependencies
	@tests/coverage

$(BUILD)/e2e/resolver.so $(BUILD)/e2e/spy.so $(BUILD)/e2e/faulty.so $(BUILD)/e2e/clock.so $(BUILD)/e2e/old_libc.so: $(BUILD)/e2e/%.so: tests/e2e/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -shared -o $@ $< -ldl

# glibc warns that getaddrinfo() may load libraries.
$(BUILD)/e2e/careless-static: tests/e2e/programs/careless.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fno-pie -static -o $@ $< 2>&1 | grep -v 'getaddrinfo\|in function' >&2 || [ -x $@ ]

$(BUILD)/e2e/careless-raw: tests/e2e/programs/careless.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -DRAW -o $@ $<

# Programs with resolvers of their own.
$(BUILD)/e2e/careless-musl: tests/e2e/programs/careless.c
	@mkdir -p $(@D)
	musl-gcc -D_GNU_SOURCE -std=c17 -O2 $(WARNINGS) -static -o $@ $<

$(BUILD)/e2e/careless-go: tests/e2e/programs/careless.go
	@mkdir -p $(@D)
	HOME=$(abspath $(BUILD)/e2e) GOCACHE=$(abspath $(BUILD)/go) GO111MODULE=off CGO_ENABLED=1 go build -tags netgo,osusergo -o $@ $<

# A relay whose worker obeys the test's commands: test_taken_over.py.
TAKEN_OVER = $(BUILD)/taken-over/obj/shim/relay/request.o $(BUILD)/taken-over/obj/tests/e2e/taken_over/calls.o
$(BUILD)/taken-over/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DRETROTLS_TAKEN_OVER -MMD -MP -c -o $@ $<

$(BUILD)/taken-over/retrotls-relay: $(TAKEN_OVER) $(filter-out %/relay/request.o,$(RELAY)) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -Wl,--wrap=files_end,--wrap=files_log -pie -o $@ $^ -lssl -lcrypto -lidn2 -pthread

-include $(TAKEN_OVER:.o=.d)

$(BUILD)/e2e/tlsend: LIBS = -lgnutls
$(BUILD)/e2e/tls_front: LIBS = -lssl -lcrypto
$(BUILD)/e2e/smc_kernel: LIBS = -lseccomp
$(BUILD)/e2e/raced_names: LIBS = -lresolv -rdynamic
$(BUILD)/e2e/older_kernel: $(wildcard tests/e2e/older_kernel/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pie -o $@ $(filter %.c,$^) -lseccomp
# A static program, which no preload reaches.
$(BUILD)/e2e/connector: tests/e2e/programs/connector.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

$(BUILD)/e2e/bulk: tests/e2e/programs/bulk_ways.h
$(BUILD)/e2e/%: tests/e2e/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pie -o $@ $< $(LIBS) -pthread

format:
	clang-format -i $(C_SOURCES)

format-check:
	clang-format --dry-run -Werror $(C_SOURCES)

cppcheck:
	cppcheck -q --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=normalCheckLevelMaxBranches --suppress=toomanyconfigs -Ishim -I. \
		$(filter %.c,$(C_SOURCES))
