#include "monitor/walls/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/socket_options.h"
#include "monitor/walls/calls.h"

/* linux/seccomp.h, Linux 4.14 */
#ifndef SECCOMP_RET_KILL_PROCESS
#    define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SECCOMP_GET_ACTION_AVAIL
#    define SECCOMP_GET_ACTION_AVAIL 2
#endif
/* Linux 5.0 */
#ifndef SECCOMP_RET_USER_NOTIF
#    define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#    define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif
/* Linux 5.19 */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#    define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum {
    X32_CALLS = 0x40000000, /* from here on, numbers are x32's (asm/unistd.h, __X32_SYSCALL_BIT) */
    JUMP_LIMIT = 255,       /* instructions that a condition can skip (struct sock_filter) */
};

/* ---- instructions ---- */

static void emit(struct filter *f, unsigned code, uint32_t value, unsigned if_true, unsigned if_false)
{
    if (f->length == FILTER_LIMIT || if_true > JUMP_LIMIT || if_false > JUMP_LIMIT) {
        f->overflow = true;
        return;
    }
    f->code[f->length++] = (struct sock_filter){
        .code = (uint16_t)code, .jt = (uint8_t)if_true, .jf = (uint8_t)if_false, .k = value};
}

static void load(struct filter *f, size_t offset)
{
    emit(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct filter *f, uint32_t result)
{
    emit(f, BPF_RET | BPF_K, result, 0, 0);
}

/* The loaded value must be `value`. Otherwise the rule does not fit: skips its `rest` instructions. */
static void must_equal(struct filter *f, uint32_t value, unsigned rest)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, rest);
}

/* An argument's halves. In a 32-bit program the upper one is 0 (linux/seccomp.h, struct seccomp_data). */
static size_t low_half(unsigned argument)
{
    return offsetof(struct seccomp_data, args) + 8 * (size_t)argument +
           (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static size_t high_half(unsigned argument)
{
    return offsetof(struct seccomp_data, args) + 8 * (size_t)argument +
           (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : 4);
}

/* ---- rules ---- */

struct filter_condition filter_equals(unsigned argument, uint64_t value)
{
    return (struct filter_condition){.argument = argument, .test = FILTER_EQUALS, .one = value};
}

struct filter_condition filter_has_bits(unsigned argument, uint32_t mask, uint32_t value)
{
    return (struct filter_condition){.argument = argument, .test = FILTER_BITS, .one = value, .other = mask};
}

struct filter_condition filter_has_upper_half(unsigned argument, uint32_t value)
{
    return (struct filter_condition){.argument = argument, .test = FILTER_UPPER_HALF, .one = value};
}

struct filter_condition filter_in_range(unsigned argument, uint32_t first, uint32_t last)
{
    return (struct filter_condition){.argument = argument, .test = FILTER_RANGE, .one = first, .other = last};
}

/* Returns how many instructions a condition takes. */
static unsigned size_of(const struct filter_condition *c)
{
    return c->test == FILTER_EQUALS ? 4 : c->test == FILTER_UPPER_HALF ? 2 : 3;
}

/* `rest`: what to skip beyond this condition if it is not met. */
static void require(struct filter *f, const struct filter_condition *c, unsigned rest)
{
    load(f, c->test == FILTER_UPPER_HALF ? high_half(c->argument) : low_half(c->argument));
    switch (c->test) {
    case FILTER_UPPER_HALF:
        must_equal(f, (uint32_t)c->one, rest);
        break;
    case FILTER_EQUALS:
        must_equal(f, (uint32_t)c->one, rest + 2);
        load(f, high_half(c->argument));
        must_equal(f, (uint32_t)(c->one >> 32), rest);
        break;
    case FILTER_BITS:
        emit(f, BPF_ALU | BPF_AND | BPF_K, c->other, 0, 0);
        must_equal(f, (uint32_t)c->one, rest);
        break;
    case FILTER_RANGE:
        emit(f, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)c->one, 0, rest + 1);
        emit(f, BPF_JMP | BPF_JGT | BPF_K, c->other, rest, 0);
        break;
    }
}

static void add_rule(struct filter *f, int call, uint32_t result, const struct filter_condition *conditions,
                     size_t count)
{
    unsigned rest = 1;

    if (call == FILTER_NO_CALL)
        return;
    for (size_t i = 0; i < count; i++)
        rest += size_of(&conditions[i]);
    load(f, offsetof(struct seccomp_data, nr));
    must_equal(f, (uint32_t)call, rest);
    for (size_t i = 0; i < count; i++) {
        rest -= size_of(&conditions[i]);
        require(f, &conditions[i], rest);
    }
    give(f, result);
}

/* True from Linux 4.14 on. Before, an unknown action ends only one thread; SIGSYS does what we want. */
static bool can_end_process(void)
{
#ifdef SYS_seccomp
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
#else
    return false;
#endif
}

void filter_start(struct filter *f, bool lenient)
{
    f->otherwise = lenient ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM;
    f->ending = can_end_process() ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRAP;
    f->length = 0;
    f->overflow = false;
    /* libc makes no calls of another architecture (int 0x80, x32). */
    load(f, offsetof(struct seccomp_data, arch));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_NATIVE, 1, 0);
    give(f, f->ending);
#if defined __x86_64__ && !defined __ILP32__
    /* -1: a tracer has the call skipped (seccomp(2)). */
    load(f, offsetof(struct seccomp_data, nr));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 2, 0);
    emit(f, BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1);
    give(f, f->ending);
#endif
}

/* Emits the rules for calls of other architectures. Native calls continue after them. */
static void refuse_foreign(struct filter *f)
{
#if defined __x86_64__ && !defined __ILP32__
    /* socketcall, sendmmsg, connect, sendto, sendmsg, io_uring_setup: its syscall_32.tbl */
    static const uint32_t calls[] = {102, 345, 362, 369, 370, 425};
    const unsigned count = sizeof calls / sizeof *calls;

    load(f, offsetof(struct seccomp_data, arch));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_NATIVE, count + 4, 0);
    must_equal(f, AUDIT_ARCH_I386, count + 2);
    load(f, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++)
        emit(f, BPF_JMP | BPF_JEQ | BPF_K, calls[i], count - i, 0);
    give(f, SECCOMP_RET_ALLOW);
    give(f, SECCOMP_RET_ERRNO | ENOSYS);
    load(f, offsetof(struct seccomp_data, nr));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 2, 0);
    emit(f, BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1);
#else
    load(f, offsetof(struct seccomp_data, arch));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_NATIVE, 1, 0);
#endif
    give(f, SECCOMP_RET_ERRNO | ENOSYS);
}

void filter_start_notifying(struct filter *f)
{
    f->otherwise = SECCOMP_RET_ALLOW;
    f->ending = SECCOMP_RET_ERRNO | EPERM;
    f->length = 0;
    f->overflow = false;
    refuse_foreign(f);
}

void filter_allow_all(struct filter *f, const int *calls, size_t count)
{
    size_t present = 0;

    for (size_t i = 0; i < count; i++)
        present += calls[i] != FILTER_NO_CALL;
    load(f, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        if (calls[i] != FILTER_NO_CALL)
            emit(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], (unsigned)present--, 0);
    }
    emit(f, BPF_JMP | BPF_JA, 1, 0, 0);
    give(f, SECCOMP_RET_ALLOW);
}

void filter_allow_if(struct filter *f, int call, struct filter_condition what)
{
    add_rule(f, call, SECCOMP_RET_ALLOW, &what, 1);
}

void filter_allow_if_both(struct filter *f, int call, struct filter_condition one,
                          struct filter_condition other)
{
    add_rule(f, call, SECCOMP_RET_ALLOW, (const struct filter_condition[]){one, other}, 2);
}

void filter_refuse(struct filter *f, int call, int error)
{
    add_rule(f, call, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA), NULL, 0);
}

void filter_refuse_if(struct filter *f, int call, int error, struct filter_condition what)
{
    add_rule(f, call, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA), &what, 1);
}

void filter_notify(struct filter *f, int call)
{
    add_rule(f, call, SECCOMP_RET_USER_NOTIF, NULL, 0);
}

void filter_notify_if(struct filter *f, int call, struct filter_condition what)
{
    add_rule(f, call, SECCOMP_RET_USER_NOTIF, &what, 1);
}

void filter_allow_option(struct filter *f, int level, int name)
{
    filter_allow_if_both(f, SYS_setsockopt, filter_has_bits(1, UINT32_MAX, (uint32_t)level),
                         filter_has_bits(2, UINT32_MAX, (uint32_t)name));
}

void filter_allow_options(struct filter *f)
{
    size_t count;
    const struct option_range *const ranges = socket_options_settable(&count);

    for (size_t i = 0; i < count; i++)
        filter_allow_if_both(f, SYS_setsockopt, filter_has_bits(1, UINT32_MAX, (uint32_t)ranges[i].level),
                             filter_in_range(2, (uint32_t)ranges[i].first, (uint32_t)ranges[i].last));
}

#ifdef __s390__
enum {
    MMAP_IN_REGISTERS = FILTER_NO_CALL
}; /* mmap(2) and mmap2(2) take a pointer to their arguments there */
static const int mmap_in_memory[] = {SYS_mmap, SYS_mmap2};
#elif defined __i386__
enum { MMAP_IN_REGISTERS = SYS_mmap2 }; /* mmap(2) takes a pointer to its arguments; libc does not use it */
#elif SYS_mmap != FILTER_NO_CALL
enum { MMAP_IN_REGISTERS = SYS_mmap };
#else
enum { MMAP_IN_REGISTERS = SYS_mmap2 };
#endif

void filter_allow_memory(struct filter *f)
{
    filter_allow_if(f, MMAP_IN_REGISTERS, filter_has_bits(2, PROT_EXEC, 0));
    filter_allow_if(f, SYS_mprotect, filter_has_bits(2, PROT_EXEC, 0));
#ifdef __s390__
    filter_allow_all(f, mmap_in_memory, sizeof mmap_in_memory / sizeof *mmap_in_memory);
#endif
}

#ifdef __s390__
enum { CLONE_FLAGS = 1 }; /* clone(2): the first two arguments are swapped there */
#else
enum { CLONE_FLAGS = 0 };
#endif

/*
 * clone3(2) has its flags in memory, where a filter cannot see them. If it fails with ENOSYS, glibc uses
 * clone(2), as on an older kernel.
 */
void filter_allow_threads(struct filter *f)
{
    filter_allow_if(f, SYS_clone, filter_has_bits(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD));
    filter_refuse(f, SYS_clone3, ENOSYS);
}

void filter_allow_sending(struct filter *f)
{
    filter_allow_if(f, SYS_sendto, filter_has_bits(3, MSG_FASTOPEN, 0));
    filter_allow_if(f, SYS_sendmsg, filter_has_bits(2, MSG_FASTOPEN, 0));
}

void filter_allow_abort(struct filter *f)
{
    filter_allow_if(f, SYS_tgkill, filter_equals(0, (uint64_t)getpid()));
}

void filter_end_on_running(struct filter *f)
{
    static const int never[] = {SYS_execve, SYS_execveat, SYS_ptrace};

    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        add_rule(f, never[i], f->ending, NULL, 0);
}

void filter_allow_socketcalls(struct filter *f, const unsigned *numbers, size_t count)
{
#if defined SYS_socketcall && !defined __powerpc__
    for (size_t i = 0; i < count; i++)
        filter_allow_if(f, SYS_socketcall, filter_equals(0, numbers[i]));
#else
    (void)f, (void)numbers, (void)count;
#endif
}

/* ---- installing it ---- */

bool filter_end(struct filter *f)
{
    give(f, f->otherwise);
    return !f->overflow;
}

int filter_load(struct filter *f)
{
    struct sock_fprog program;

    if (!filter_end(f))
        return E2BIG;
    program = (struct sock_fprog){.len = (unsigned short)f->length, .filter = f->code};
    /* seccomp(2) came with Linux 3.17, filters with 3.5. */
#ifdef SYS_seccomp
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return 0;
    if (errno != ENOSYS)
        return errno;
#endif
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : errno;
}

#ifdef SYS_seccomp
static int load_notifying(const struct sock_fprog *program, unsigned long more)
{
    const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | more;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

    if (listener < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    return (int)listener;
}
#endif

int filter_load_notifying(struct filter *f)
{
    int listener = -1;

    give(f, f->otherwise);
    errno = E2BIG;
#ifdef SYS_seccomp
    const struct sock_fprog program = {.len = (unsigned short)f->length, .filter = f->code};

    if (!f->overflow) {
        listener = load_notifying(&program, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        if (listener < 0 && errno == EINVAL)
            listener = load_notifying(&program, 0);
    }
#else
    errno = ENOSYS;
#endif
    return listener;
}
