# retrotls: STARTTLS for programs that never heard of it. See README.md.

PREFIX ?= /usr/local
BUILD ?= build
CC ?= gcc
WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
WERROR ?=
SANITIZE ?=
OPTIMIZE ?= -O2
VERSION = 0.1.0

override CPPFLAGS += -D_GNU_SOURCE -Ishim -I. -DRETROTLS_VERSION='"$(VERSION)"' \
	-DRETROTLS_RELAY_PATH='"$(LIBEXECDIR)/retrotls-relay"' -DRETROTLS_COMMAND_FOLDER='"$(BINDIR)"' \
	$(if $(SANITIZE),-DRETROTLS_SANITIZED)
override CFLAGS += -std=c17 -g $(OPTIMIZE) -fPIC -ffile-prefix-map=$(CURDIR)=. -fvisibility=hidden -fstack-protector-strong $(WARNINGS) $(WERROR) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
# A loader of before 2006 knows no DT_GNU_HASH; one of before 2022, no DT_RELR.
override LDFLAGS += -Wl,-z,relro,-z,now,--hash-style=both $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# What goes into programs is compiled apart: it may need no newer libc than they do (compat.h).
sources = $(wildcard $(1)/*.c $(1)/*/*.c)
library = $(patsubst %.c,$(BUILD)/obj/lib/%.o,$(call sources,$(1)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
# Everything of the relay and the command but its main(), for the unit tests.
without_main = $(filter-out %_main.o,$(call objects,$(1)))

WIRE = $(call objects,shim/wire)
POLICY = $(call objects,policy)
# Before glibc 2.34 dlsym() was in libdl, which is no more than a name since. musl has it in its libc.
LIBDL = $(if $(shell echo 'int main(void) { return 0; }' | \
	$(CC) -x c -o /dev/null - -l:libdl.so.2 2>/dev/null && echo yes),-Wl$(comma)--no-as-needed -l:libdl.so.2)
comma = ,
LIBRARY = $(call library,shim/preload) $(call library,policy) $(call library,shim/wire)
# What unit tests may link of the library: nothing that takes libc's place. An archive, from which each takes what it needs.
PRELOAD_TESTED = $(BUILD)/unit/preload.a
PRELOAD_TESTABLE = $(filter-out shim/preload/interpose/% shim/preload/transfer/% shim/preload/start.c,$(call sources,shim/preload))
# policy/trust: what lies beside the relay.
MONITOR = $(call objects,shim/monitor) $(patsubst %,$(BUILD)/obj/policy/%.o,trust language/readfile)
RELAY = $(call objects,shim/relay) $(MONITOR)
COMMAND = $(call objects,shim/command) $(BUILD)/obj/shim/monitor/roots/bundled_roots.o
# The relay's code with the command's manners.
CHECK = $(call objects,shim/check) $(call without_main,shim/relay) $(MONITOR) \
	$(patsubst %,$(BUILD)/obj/shim/command/%.o,asked json own_policy usage reach/elf reach/shebang reach/target) \
	$(BUILD)/obj/shim/preload/adopt/greeting.o
# What several unit tests share.
UNIT_SHARED = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

# The library for other programs of this machine, where there is a compiler for them (Debian's gcc-12-multilib and
# musl-tools); the relay is the same for all. Not with sanitizers or another compiler, which are for the tests.
compiles = $(shell echo 'int main(void) { return 0; }' | $(1) -x c -o /dev/null - 2>/dev/null && echo yes)
# Debian's gcc-multilib makes /usr/include/asm, and cannot be beside cross compilers.
FLAGS_32 = -m32 -idirafter /usr/include/$(shell gcc -dumpmachine 2>/dev/null)
GCC_32 = gcc $(FLAGS_32) -Wno-psabi
OTHER_BUILDS = $(if $(SANITIZE)$(filter-out gcc cc,$(CC)),,$(if $(filter x86_64,$(shell uname -m)),$(if \
	$(call compiles,$(GCC_32)),lib32)) $(if $(call compiles,musl-gcc),musl))

.PHONY: all always clean unit check-symbols check-hardening lib32 musl
.SECONDARY:
all: $(BUILD)/libretrotls.so $(BUILD)/retrotls-relay $(BUILD)/retrotls $(BUILD)/retrotls-check $(OTHER_BUILDS)

lib32:
	@$(MAKE) --no-print-directory CC='$(GCC_32)' BUILD=$(BUILD)/lib32 $(BUILD)/lib32/libretrotls.so

musl:
	@$(MAKE) --no-print-directory CC=musl-gcc BUILD=$(BUILD)/musl $(BUILD)/musl/libretrotls.so

# What is found relative to another file is run only where nobody else can write to it, nor to its folder
# (policy/trust.h): so it is also where the umask is 002.
OWNER_WRITES = @chmod go-w $@ $(@D)

# Whole at once: ld.so goes on without a library that it finds half written.
$(BUILD)/libretrotls.so: $(LIBRARY) shim/preload/libretrotls.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libretrotls.so -Wl,--version-script=shim/preload/libretrotls.map \
		$(if $(SANITIZE),,-Wl,-z,defs) -o $@.new $(filter %.o,$^) $(LIBDL)
	@mv -f $@.new $@
	$(OWNER_WRITES)

ALOOF = -Wl,--export-dynamic-symbol=retrotls_speaks_itself
$(BUILD)/retrotls-relay: $(RELAY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -pie -o $@ $^ -lssl -lcrypto -lidn2 -lseccomp -pthread
	$(OWNER_WRITES)

$(BUILD)/retrotls-check: $(CHECK) $(POLICY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -pie -o $@ $^ -lssl -lcrypto -lidn2 -lseccomp -pthread
	$(OWNER_WRITES)

$(BUILD)/retrotls: $(COMMAND) $(POLICY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^
	$(OWNER_WRITES)

# Small, for it is in every program; but fast where each read() and write() passes.
$(BUILD)/obj/lib/%.o: OPTIMIZE = -Os
$(BUILD)/obj/lib/shim/preload/transfer/%.o: OPTIMIZE = -O2
$(BUILD)/obj/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -include shim/preload/compat.h -MMD -MP -c -o $@ $<

# Library and command know where they are installed: made anew where that is another place than the last time.
$(BUILD)/obj/lib/shim/preload/relay/relay_path.o $(BUILD)/obj/shim/command/beside.o: $(BUILD)/place
$(BUILD)/place: always
	@mkdir -p $(@D)
	@echo '$(LIBEXECDIR) $(BINDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR) $(BINDIR)' > $@

# libc's headers define read() and its kin themselves where they are fortified.
$(BUILD)/obj/lib/shim/preload/transfer/%.o: override CFLAGS += -U_FORTIFY_SOURCE

$(BUILD)/obj/lib/shim/preload/interpose/dlopen.o: override CPPFLAGS += -DDEFINES_DLOPEN

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Stands in front of libc's resolver itself, as the preloaded library does.
$(BUILD)/unit/test_resolver: $(patsubst %,$(BUILD)/obj/shim/preload/%.o,interpose/getaddrinfo interpose/res_query interpose/getaddrinfo_a libc/next)

# Its own sendfile() and splice(), over a kernel of the test's.
$(BUILD)/unit/test_io_file: $(BUILD)/obj/shim/preload/transfer/sendfile.o

$(PRELOAD_TESTED): $(patsubst %.c,$(BUILD)/obj/%.o,$(PRELOAD_TESTABLE))
	@mkdir -p $(@D)
	rm -f $@
	ar rc $@ $^

# Unit tests: cmocka, one program a module, linked with everything that has no main().
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call without_main,shim/relay) $(MONITOR) \
		$(call without_main,shim/command) \
		$(BUILD)/obj/shim/check/shadow.o $(PRELOAD_TESTED) $(POLICY) $(WIRE) $(UNIT_SHARED)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ -Wl,--start-group $^ -Wl,--end-group -lcmocka -lssl -lcrypto -lidn2 -lseccomp -pthread

# What the library asks of libc, and what it shows to programs.
check-symbols: $(BUILD)/libretrotls.so $(OTHER_BUILDS)
	tests/check-symbols $< shim/preload/libretrotls.map
	@for other in $(OTHER_BUILDS); do tests/check-symbols $(BUILD)/$$other/libretrotls.so shim/preload/libretrotls.map; done

# How all that is installed was compiled and linked.
check-hardening: all
	tests/check-hardening $(addprefix $(BUILD)/,libretrotls.so retrotls-relay retrotls retrotls-check \
		$(addsuffix /libretrotls.so,$(OTHER_BUILDS)))

unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

include packaging/packaging.mk packaging/bundle.mk
include tests/tests.mk tests/fuzz/fuzz.mk
include tests/bench/bench.mk
include tests/twin/twin.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
