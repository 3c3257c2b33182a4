# The twin programs (tests/twin/twin.h), built for this machine, for 32 bits (with each time_t) and with musl.

# What all of them share.
TWIN_SHARED = twin twin_words
TWIN_NAMES = $(filter-out $(TWIN_SHARED),$(patsubst tests/twin/%.c,%,$(wildcard tests/twin/*.c)))
TWIN_HEADERS = $(wildcard tests/twin/*.h)
TWIN_FLAGS = -std=c17 -D_GNU_SOURCE -g -O2 $(WARNINGS) $(WERROR) -pthread
TWIN_SANITIZE = -O1 -fsanitize=address,undefined -fno-omit-frame-pointer
# With a 64-bit time_t, glibc uses functions with other names (__sendmsg64, ...).
TWIN_TIME64 = -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64
# A program that makes none of these calls is the one for 32 bits, and is not built again (test_twin.py checks that).
TWIN_TIME64_CALLS = fcntl fstat ftruncate getsockopt lockf lseek openat posix_fadvise posix_fallocate prctl pread preadv pselect pwrite pwritev \
	recvmmsg recvmsg select sendfile sendmmsg sendmsg setitimer setrlimit setsockopt options.h late.h left.h
TWIN_TIME64_NAMES = $(patsubst tests/twin/%.c,%,$(shell grep -lwF $(TWIN_TIME64_CALLS:%=-e %) $(TWIN_NAMES:%=tests/twin/%.c)))
# musl's macros convert signs. The kernel's headers are not in musl's folder.
TWIN_MUSL_FLAGS = $(TWIN_FLAGS) -Wno-sign-conversion -idirafter /usr/include \
	-idirafter /usr/include/$(TRIPLET)

.PHONY: twin-programs twin-programs-32 twin-programs-time64 twin-programs-musl
twin-programs: $(TWIN_NAMES:%=$(BUILD)/twin/%)
twin-programs-32: $(TWIN_NAMES:%=$(BUILD)/twin-32/%)
twin-programs-time64: $(TWIN_TIME64_NAMES:%=$(BUILD)/twin-time64/%)
twin-programs-musl: $(TWIN_NAMES:%=$(BUILD)/twin-musl/%)

# The library and the programs of other builds, which use the same relay. Only a 64-bit x86 machine can have both.
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

$(BUILD)/twin/%: tests/twin/%.c $(TWIN_HEADERS) $(TWIN_SHARED:%=$(BUILD)/twin/%.o)
	$(CC) $(TWIN_FLAGS) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-32/%: tests/twin/%.c $(TWIN_HEADERS) $(TWIN_SHARED:%=$(BUILD)/twin-32/%.o)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-time64/%: tests/twin/%.c $(TWIN_HEADERS) $(TWIN_SHARED:%=$(BUILD)/twin-time64/%.o)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) $(TWIN_TIME64) -D_FORTIFY_SOURCE=2 -o $@ $(filter %.c %.o,$^)
$(BUILD)/twin-musl/%: tests/twin/%.c $(TWIN_HEADERS) $(TWIN_SHARED:%=$(BUILD)/twin-musl/%.o)
	musl-gcc $(TWIN_MUSL_FLAGS) -o $@ $(filter %.c %.o,$^)

$(BUILD)/twin-asan/%: tests/twin/%.c $(TWIN_HEADERS) $(TWIN_SHARED:%=$(BUILD)/twin-asan/%.o)
	gcc $(TWIN_FLAGS) $(TWIN_SANITIZE) -o $@ $(filter %.c %.o,$^)

$(TWIN_SHARED:%=$(BUILD)/twin/%.o): $(BUILD)/twin/%.o: tests/twin/%.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(TWIN_FLAGS) -c -o $@ $<
$(TWIN_SHARED:%=$(BUILD)/twin-32/%.o): $(BUILD)/twin-32/%.o: tests/twin/%.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) -c -o $@ $<
$(TWIN_SHARED:%=$(BUILD)/twin-time64/%.o): $(BUILD)/twin-time64/%.o: tests/twin/%.c tests/twin/twin.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS_32) $(TWIN_FLAGS) $(TWIN_TIME64) -c -o $@ $<
$(TWIN_SHARED:%=$(BUILD)/twin-musl/%.o): $(BUILD)/twin-musl/%.o: tests/twin/%.c tests/twin/twin.h
	@mkdir -p $(@D)
	musl-gcc $(TWIN_MUSL_FLAGS) -c -o $@ $<
$(TWIN_SHARED:%=$(BUILD)/twin-asan/%.o): $(BUILD)/twin-asan/%.o: tests/twin/%.c tests/twin/twin.h
	@mkdir -p $(@D)
	gcc $(TWIN_FLAGS) $(TWIN_SANITIZE) -c -o $@ $<
