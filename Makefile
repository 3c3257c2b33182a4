# retrotls: STARTTLS for programs that never heard of it. See README.md.

PREFIX ?= /usr/local
BUILD ?= build
CC ?= gcc
WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
WERROR ?=
SANITIZE ?=
OPTIMIZE ?= -O2
VERSION = 0.1.0

# A value that costs commands: found out when first needed, then kept.
once = $(eval $(1) := $(2))$($(1))

override CPPFLAGS += -D_GNU_SOURCE -Ishim -I. -DRETROTLS_VERSION='"$(VERSION)"' \
	-DRETROTLS_RELAY_PATH='"$(LIBEXECDIR)/retrotls-relay"' -DRETROTLS_COMMAND_FOLDER='"$(BINDIR)"' \
	$(if $(SANITIZE),-DRETROTLS_SANITIZED)
override CFLAGS += -std=c17 -g $(OPTIMIZE) -fPIC -ffile-prefix-map=$(CURDIR)=. -fvisibility=hidden -fstack-protector-strong $(WARNINGS) $(WERROR) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
# A loader of before 2006 knows no DT_GNU_HASH; one of before 2022, no DT_RELR.
override LDFLAGS += -Wl,-z,relro,-z,now,--hash-style=both $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# Code that is loaded into programs is compiled separately: it may need no newer libc than they do (compat.h).
sources = $(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*/*.c)
library = $(patsubst %.c,$(BUILD)/obj/lib/%.o,$(call sources,$(1)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
# Everything in the relay and the command except main(), for the unit tests.
without_main = $(filter-out %_main.o,$(call objects,$(1)))

WIRE = $(call objects,shim/wire)
POLICY = $(call objects,policy)
# What kind of program a file is.
PROGRAM = $(call objects,shim/program)
# Before glibc 2.34, dlsym() was in libdl, which has been empty since. musl has it in libc.
LIBDL = $(call once,LIBDL,$(if $(shell echo 'int main(void) { return 0; }' | \
	$(CC) -x c -o /dev/null - -l:libdl.so.2 2>/dev/null && echo yes),-Wl$(comma)--no-as-needed -l:libdl.so.2))
comma = ,
LIBRARY = $(call library,shim/preload) $(call library,policy) $(call library,shim/program) $(call library,shim/wire)
# What unit tests may link from the library: nothing that takes libc's place, or the tests' own calls would get there.
PRELOAD_TESTABLE = $(filter-out shim/preload/interpose/%,$(call sources,shim/preload))
# From policy: the files of the log, and whether files beside the relay can be trusted.
MONITOR = $(call objects,shim/monitor) $(patsubst %,$(BUILD)/obj/policy/%.o,log_path runtime_log trust readfile)
RELAY = $(call objects,shim/relay) $(MONITOR) $(call objects,shim/supervise/under)
# supervise/start: what the command does before it runs a supervised program.
COMMAND = $(call objects,shim/command) $(PROGRAM) \
	$(patsubst %,$(BUILD)/obj/shim/monitor/%.o,files/bundled_roots walls/filter socket_options) $(call objects,shim/supervise/start)
# The library's code, and those of its interposed calls that answer for a switched descriptor.
SUPERVISE = $(call objects,shim/supervise/start) $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/supervise/*.c shim/supervise/dns/*.c shim/supervise/parent/*.c shim/supervise/become/*.c)) \
	$(patsubst %,$(BUILD)/obj/shim/monitor/%.o,walls/filter socket_options) \
	$(patsubst %,$(BUILD)/obj/shim/preload/interpose/%.o,ioctl peername shutdown sockopt) $(BUILD)/supervise.a
# The relay's code with the command's options and output.
CHECK = $(call objects,shim/check) $(call without_main,shim/relay) $(MONITOR) \
	$(patsubst %,$(BUILD)/obj/shim/command/%.o,asked common_options json look_apart own_policy usage reach/target) $(PROGRAM)
# What unit tests link: an archive, from which each takes what it needs, with code that several of them share.
TESTED = $(BUILD)/unit/tested.a
UNIT_SHARED = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

# The library for this machine's other programs, if there is a compiler for them (Debian's gcc-12-multilib and
# musl-tools). All use the same relay. Sanitizers and other compilers are for the tests, and leave these out.
compiles = $(shell echo 'int main(void) { return 0; }' | $(1) -x c -o /dev/null - 2>/dev/null && echo yes)
# Debian's gcc-multilib provides /usr/include/asm, but conflicts with cross compilers.
TRIPLET = $(call once,TRIPLET,$(shell gcc -dumpmachine 2>/dev/null))
FLAGS_32 = -m32 -idirafter /usr/include/$(TRIPLET)
GCC_32 = gcc $(FLAGS_32) -Wno-psabi
OTHER_BUILDS = $(call once,OTHER_BUILDS,$(if $(SANITIZE)$(filter-out gcc cc,$(CC)),,$(if $(filter x86_64,$(shell uname -m)),$(if \
	$(call compiles,$(GCC_32)),lib32)) $(if $(call compiles,musl-gcc),musl)))

.PHONY: all always clean unit check-symbols check-hardening check-headers lib32 musl
.SECONDARY:
all: $(BUILD)/libretrotls.so $(BUILD)/retrotls-relay $(BUILD)/retrotls $(BUILD)/retrotls-check $(BUILD)/retrotls-supervise \
	$(OTHER_BUILDS)

lib32:
	@$(MAKE) --no-print-directory CC='$(GCC_32)' BUILD=$(BUILD)/lib32 $(BUILD)/lib32/libretrotls.so

musl:
	@$(MAKE) --no-print-directory CC=musl-gcc BUILD=$(BUILD)/musl $(BUILD)/musl/libretrotls.so

# A file that is found relative to another is run only if nobody else can write to it or its folder (policy/trust.h).
# So take that permission away, for builds under umask 002.
OWNER_WRITES = @chmod go-w $@ $(@D)

# The version script: what the library shows to programs.
$(BUILD)/libretrotls.map: shim/preload/calls.def
	@mkdir -p $(@D)
	(echo '{ global:'; printf '#define CALL(name, ...) name;\n#include "preload/calls.def"\n' | $(CC) -E -P -Ishim -x c -; \
		echo 'local: *; };') > $@

# Renamed into place: ld.so would start a program without a library that is only half written.
$(BUILD)/libretrotls.so: $(LIBRARY) $(BUILD)/libretrotls.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libretrotls.so -Wl,--version-script=$(BUILD)/libretrotls.map \
		$(if $(SANITIZE),,-Wl,-z,defs) -o $@.new $(filter %.o,$^) $(LIBDL)
	@mv -f $@.new $@
	$(OWNER_WRITES)

ALOOF = -Wl,--export-dynamic-symbol=retrotls_speaks_itself
$(BUILD)/retrotls-relay: $(RELAY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -pie -o $@ $^ -lssl -lcrypto -lidn2 -pthread
	$(OWNER_WRITES)

$(BUILD)/retrotls-check: $(CHECK) $(POLICY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALOOF) -pie -o $@ $^ -lssl -lcrypto -lidn2 -pthread
	$(OWNER_WRITES)

$(BUILD)/supervise.a: $(patsubst %.c,$(BUILD)/obj/%.o,$(PRELOAD_TESTABLE))
	rm -f $@
	ar rc $@ $^

$(BUILD)/retrotls-supervise: $(SUPERVISE) $(POLICY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(LIBDL) -pthread
	$(OWNER_WRITES)

$(BUILD)/retrotls: $(COMMAND) $(POLICY) $(WIRE)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^
	$(OWNER_WRITES)

# Small, because it is in every program; but fast where every read() and write() passes through.
$(BUILD)/obj/lib/%.o: OPTIMIZE = -Os
$(BUILD)/obj/lib/shim/preload/interpose/transfer/%.o: OPTIMIZE = -O2
$(BUILD)/obj/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -include shim/preload/compat.h -MMD -MP -c -o $@ $<

# The library and the command know where they are installed: rebuild them if that has changed.
$(BUILD)/obj/lib/shim/preload/relay/relay_path.o $(BUILD)/obj/lib/shim/preload/child/helper.o $(BUILD)/obj/shim/command/reach/beside.o: $(BUILD)/place
$(BUILD)/place: always
	@mkdir -p $(@D)
	@echo '$(LIBEXECDIR) $(BINDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR) $(BINDIR)' > $@

# Fortified headers define read() and its kin themselves.
$(BUILD)/obj/lib/shim/preload/interpose/transfer/%.o: override CFLAGS += -U_FORTIFY_SOURCE

$(BUILD)/obj/lib/shim/preload/interpose/dlopen.o: override CPPFLAGS += -DDEFINES_DLOPEN

# Where a long has 32 bits, the numbers of files and folders may not fit otherwise (EOVERFLOW).
$(BUILD)/obj/shim/monitor/%.o $(BUILD)/obj/shim/relay/%.o: override CPPFLAGS += -D_FILE_OFFSET_BITS=64

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Interposes on libc's resolver itself, as the preloaded library does.
$(BUILD)/unit/test_resolver $(BUILD)/unit/test_libresolv: $(patsubst %,$(BUILD)/obj/shim/preload/%.o,interpose/getaddrinfo interpose/res_query interpose/getaddrinfo_a libc/next)

# Uses our sendfile() and splice(), over a simulated kernel.
$(BUILD)/unit/test_sendfile: $(BUILD)/obj/shim/preload/interpose/transfer/sendfile.o

$(TESTED): $(patsubst %.c,$(BUILD)/obj/%.o,$(PRELOAD_TESTABLE)) $(call without_main,shim/relay) $(MONITOR) \
		$(call without_main,shim/command) $(PROGRAM) $(call objects,shim/supervise/start) $(call objects,shim/supervise/dns) $(BUILD)/obj/shim/check/shadow.o \
		$(POLICY) $(WIRE) $(UNIT_SHARED)
	@mkdir -p $(@D)
	rm -f $@
	ar rc $@ $^

# Unit tests: cmocka, one program a module, linked with everything that has no main().
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(TESTED)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $(filter %.o,$^) $(TESTED) -lcmocka -lssl -lcrypto -lidn2 -pthread

# Which symbols the library needs from libc, and which it exports to programs.
check-symbols: $(BUILD)/libretrotls.so $(OTHER_BUILDS)
	tests/check-symbols $< shim/preload/calls.def $(LIBRARY)
	@for other in $(OTHER_BUILDS); do tests/check-symbols $(BUILD)/$$other/libretrotls.so shim/preload/calls.def \
		$(LIBRARY:$(BUILD)/%=$(BUILD)/$$other/%); done

# How everything that is installed was compiled and linked.
check-hardening: all
	tests/check-hardening $(addprefix $(BUILD)/,libretrotls.so retrotls-relay retrotls retrotls-check retrotls-supervise \
		$(addsuffix /libretrotls.so,$(OTHER_BUILDS)))

# No header defines what another one does, or needs another one before it: all in one file, in both orders.
HEADERS = $(shell find shim policy -name '*.h' | LC_ALL=C sort)
include_all = printf '\#include "%s"\n' $(1) | $(CC) $(CPPFLAGS) -std=c17 $(WARNINGS) -Werror -fsyntax-only -x c -
check-headers:
	@$(call include_all,$(HEADERS))
	@$(call include_all,$$(printf '%s\n' $(HEADERS) | tac))

unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)

include packaging/packaging.mk packaging/bundle.mk
include tests/tests.mk tests/fuzz/fuzz.mk
include tests/bench/bench.mk
include tests/twin/twin.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
