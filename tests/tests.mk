# The tests: see tests/README.md. Included by the Makefile.

E2E_PROGRAMS = $(patsubst tests/e2e/programs/%.c,$(BUILD)/e2e/%,$(filter-out %/resolver.c %/spy.c %/faulty.c %/clock.c %/old_libc.c,$(wildcard tests/e2e/programs/*.c)))
C_SOURCES = $(wildcard shim/*/*.[ch] shim/*/*/*.[ch] policy/*.[ch] policy/*/*.[ch] tests/unit/*.[ch] tests/e2e/programs/*.[ch] tests/e2e/older_kernel/*.[ch] tests/e2e/taken_over/*.[ch] tests/twin/*.[ch] \
	tests/fuzz/*.[ch] tests/bench/*.[ch])

.PHONY: ports roots suites clients kernels check check-quick coverage demo dependencies e2e-programs unit-programs e2e soak soak-with format format-check cppcheck

# Everything, about a quarter of an hour on two cores. The last line says how many tests passed and failed.
check: dependencies
	@tests/run

# Without sanitizers and the slow tests: under two minutes.
check-quick: dependencies
	@tests/run --quick

dependencies:
	@tests/install-dependencies

demo:
	@tests/install-dependencies --demo
	@$(MAKE) -s all
	@/usr/bin/python3 tests/demo.py

# The bundle on an old distribution, made by debootstrap: as root, some minutes.
roots: dependencies all e2e-programs
	@cd tests/e2e && RETROTLS_ROOTS=1 /usr/bin/python3 -m pytest -q test_old_userland.py

# Other architectures, built by Debian's cross compilers in a root of its own and run by qemu-user: as root, an hour and more.
# make ports ARCHITECTURES=s390x
ports: dependencies
	@tests/ports/run $(ARCHITECTURES)

# The client matrix; writes the table of it into the README.
clients: dependencies all e2e-programs
	@tests/clients-table

unit-programs: $(UNIT)
# Which simulates kernels of x86-64 by the numbers of their system calls.
OLDER_KERNEL = $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),$(BUILD)/e2e/older_kernel)
e2e-programs: $(BUILD)/taken-over/retrotls-relay $(E2E_PROGRAMS) $(OLDER_KERNEL) $(BUILD)/e2e/resolver.so $(BUILD)/e2e/spy.so $(BUILD)/e2e/faulty.so $(BUILD)/e2e/clock.so $(BUILD)/e2e/old_libc.so

# make e2e TESTS='test_clients.py -k curl'
e2e: all e2e-programs twin-programs
	@cd tests/e2e && /usr/bin/python3 -m pytest -q $(TESTS)

# All faults, 200 kills, 500 connections for each call that writes beside connect(), each attack on names 500 times (an hour
# and a half by itself), 10,000 sessions, 1,000 connections at once, a GiB each way; the load with a relay with TSan, and
# with ASan and UBSan, too. Another hour.
SOAK = cd tests/e2e && RETROTLS_SOAK=1 /usr/bin/python3 -m pytest -q -s
soak: all e2e-programs
	@$(SOAK) test_early_writers.py test_faults.py test_kills.py test_soak.py test_watch_faults.py
	@$(SOAK) test_threats_h.py -k again_and_again
	@$(MAKE) -s soak-with KIND=tsan SANITIZE=thread
	@$(MAKE) -s soak-with KIND=asan SANITIZE=address,undefined

soak-with:
	@$(MAKE) -s BUILD=build/$(KIND) OPTIMIZE=-O1 build/$(KIND)/retrotls-relay
	@mkdir -p build/$(KIND)-e2e
	@cp build/libretrotls.so build/retrotls build/$(KIND)/retrotls-relay build/$(KIND)-e2e
	@export RETROTLS_BUILD=$(CURDIR)/build/$(KIND)-e2e; $(SOAK) test_kills.py test_soak.py

# Under each kernel that tests/e2e/older_kernel knows: the levels, the kills, all twins, and the first ten programs of the
# client matrix. An hour.
KERNELS = 3.2 3.10 4.4 4.18 5.4 5.10 5.15 6.1
TEN_CLIENTS = alpine or bash or curl or doveadm or esmtp or fdm or fetchmail or GIO or imapfilter or inc
kernels: all e2e-programs twin-programs
	@failed=; for kernel in $(KERNELS); do echo "== Linux $$kernel"; \
		(cd tests/e2e && RETROTLS_KERNEL=$$kernel /usr/bin/python3 -m pytest -q -n 4 test_levels.py test_kills.py \
			test_twin.py test_clients.py -k 'not musl and not 32 and not time and not sanitizers and (test_levels or \
			test_kills or test_twin or $(TEN_CLIENTS))') || failed="$$failed $$kernel"; done; \
		[ -z "$$failed" ] || { echo "failed under:$$failed"; exit 1; }

# Others' whole test suites on switched descriptors, compared case by case with plain TCP. Ten minutes.
suites: dependencies all e2e-programs
	@cd tests/e2e && RETROTLS_SUITES=1 /usr/bin/python3 -m pytest -q test_suites.py

# The lines of negotiators and parsers that the unit tests reach: a table; fails below 95 % of a group. A minute.
coverage: dependencies
	@tests/coverage

$(BUILD)/e2e/resolver.so $(BUILD)/e2e/spy.so $(BUILD)/e2e/faulty.so $(BUILD)/e2e/clock.so $(BUILD)/e2e/old_libc.so: $(BUILD)/e2e/%.so: tests/e2e/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -shared -o $@ $< -ldl

# A relay whose worker does what it is told: test_taken_over.py.
TAKEN_OVER = $(BUILD)/taken-over/obj/shim/relay/request.o $(BUILD)/taken-over/obj/tests/e2e/taken_over/calls.o
$(BUILD)/taken-over/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DRETROTLS_TAKEN_OVER -MMD -MP -c -o $@ $<

$(BUILD)/taken-over/retrotls-relay: $(TAKEN_OVER) $(filter-out %/relay/request.o,$(RELAY)) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -Wl,--wrap=files_end,--wrap=files_log -pie -o $@ $^ -lssl -lcrypto -lidn2 -lseccomp -pthread

-include $(TAKEN_OVER:.o=.d)

$(BUILD)/e2e/tlsend: LIBS = -lgnutls
$(BUILD)/e2e/tls_front: LIBS = -lssl -lcrypto
$(BUILD)/e2e/smc_kernel: LIBS = -lseccomp
$(BUILD)/e2e/older_kernel: $(wildcard tests/e2e/older_kernel/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pie -o $@ $(filter %.c,$^) -lseccomp
# Which no preload reaches.
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
		--suppress=normalCheckLevelMaxBranches -Ishim -I. \
		$(filter %.c,$(C_SOURCES))
