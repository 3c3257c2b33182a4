# The twin programs (tests/twin/twin.h), built as they are for this machine, for 32 bits (with each time_t) and with musl.

TWIN_NAMES = $(filter-out twin,$(patsubst tests/twin/%.c,%,$(wildcard tests/twin/*.c)))
TWIN_HEADERS = $(wildcard tests/twin/*.h)
TWIN_FLAGS = -std=c17 -D_GNU_SOURCE -g -O2 $(WARNINGS) $(WERROR) -pthread
TWIN_SANITIZE = -O1 -fsanitize=address,undefined -fno-omit-frame-pointer
# For which glibc has functions of other names (__sendmsg64, ...).
TWIN_TIME64 = -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64
# musl's macros convert signs; the kernel's headers stand beside it.
TWIN_MUSL_FLAGS = $(TWIN_FLAGS) -Wno-sign-conversion -idirafter /usr/include \
	-idirafter /usr/include/$(shell gcc -dumpmachine)

.PHONY: twin-programs twin-programs-32 twin-programs-time64 twin-programs-musl
twin-programs: $(TWIN_NAMES:%=$(BUILD)/twin/%)
twin-programs-32: $(TWIN_NAMES:%=$(BUILD)/twin-32/%)
twin-programs-time64: $(TWIN_NAMES:%=$(BUILD)/twin-time64/%)
twin-programs-musl: $(TWIN_NAMES:%=$(BUILD)/twin-musl/%)

# The library and the programs of other builds, which use the same relay: a 64-bit x86 machine alone can have both.
.PHONY: twin-variants twin-sanitizers
ifeq ($(shell uname -m),x86_64)
twin-variants: twin-sanitizers twin-programs-32 twin-programs-time64 twin-programs-musl lib32 musl
else
twin-variants: twin-sanitizers
endif

# The programs and the library with gcc's sanitizers.
twin-sanitizers: $(TWIN_NAMES:%=$(BUILD)/twin-asan/%)
	@$(MAKE) --no-print-directory SANITIZE=address,undefined OPTIMIZE=-O1 CC=gcc BUILD=$(BUILD)/asan \
		$(BUILD)/asan/libretrotls.so

$(BUILD)/twin/%: tests/twin/%.c $(TWIN_HEADERS) $(BUILD)/twin/twin.o
	$(CC) $(TWIN_FLAGS) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-32/%: tests/twin/%.c $(TWIN_HEADERS) $(BUILD)/twin-32/twin.o
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-time64/%: tests/twin/%.c $(TWIN_HEADERS) $(BUILD)/twin-time64/twin.o
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) $(TWIN_TIME64) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-musl/%: tests/twin/%.c $(TWIN_HEADERS) $(BUILD)/twin-musl/twin.o
	musl-gcc $(TWIN_MUSL_FLAGS) -o $@ $(filter %.c %.o,$^)

$(BUILD)/twin-asan/%: tests/twin/%.c $(TWIN_HEADERS) $(BUILD)/twin-asan/twin.o
	gcc $(TWIN_FLAGS) $(TWIN_SANITIZE) -o $@ $(filter %.c %.o,$^)

$(BUILD)/twin/twin.o: tests/twin/twin.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(TWIN_FLAGS) -c -o $@ $<
$(BUILD)/twin-32/twin.o: tests/twin/twin.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) -c -o $@ $<
$(BUILD)/twin-time64/twin.o: tests/twin/twin.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) $(TWIN_TIME64) -c -o $@ $<
$(BUILD)/twin-musl/twin.o: tests/twin/twin.c tests/twin/twin.h
	@mkdir -p $(@D)
	musl-gcc $(TWIN_MUSL_FLAGS) -c -o $@ $<
$(BUILD)/twin-asan/twin.o: tests/twin/twin.c tests/twin/twin.h
	@mkdir -p $(@D)
	gcc $(TWIN_FLAGS) $(TWIN_SANITIZE) -c -o $@ $<
