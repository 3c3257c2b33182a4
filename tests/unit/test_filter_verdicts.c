/*
 * What the filters of both processes make of this machine's calls: its architecture in the kernel's eyes, its
 * byte order, the numbers and the order of arguments that differ between machines. The kernel takes no part,
 * so this also tests other machines under qemu-user (tests/ports), which runs no filters.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/walls/calls.h"
#include "monitor/walls/filter.h"
#include "monitor/walls/walls.h"
#include "relay/sandbox/seccomp.h"
#include "tests/unit/bpf.h"
#include "tests/unit/cmocka_all.h"

/* AUDIT_ARCH_... of each machine, in numbers (linux/audit.h, linux/elf-em.h). */
static const uint32_t architectures[] = {0xC000003E, 0x40000003, 0xC00000B7, 0x40000028,
                                         0xC0000015, 0x80000015, 0x80000016, 0xC00000F3};

/*
 * This machine's calls, as the kernel's tables number them (arch/.../syscall.tbl, asm-generic/unistd.h). A
 * call of 0 is not there. `map`: mmap(2) or mmap2(2) with its arguments in registers; `old_map`: with a
 * pointer to them.
 */
struct machine {
    uint32_t architecture;
    int read, write, openat, socket, connect, sendto, setsockopt, clone, execve, ptrace, tgkill, mprotect;
    int map, old_map, socketcall;
    unsigned clone_flags; /* the number of clone(2)'s argument */
};

static const struct machine here = {
#if defined __x86_64__
    .architecture = 0xC000003E,
    .write = 1,
    .openat = 257,
    .socket = 41,
    .connect = 42,
    .sendto = 44,
    .setsockopt = 54,
    .clone = 56,
    .execve = 59,
    .ptrace = 101,
    .tgkill = 234,
    .mprotect = 10,
    .map = 9,
#elif defined __i386__
    .architecture = 0x40000003,
    .read = 3,
    .write = 4,
    .openat = 295,
    .socket = 359,
    .connect = 362,
    .sendto = 369,
    .setsockopt = 366,
    .clone = 120,
    .execve = 11,
    .ptrace = 26,
    .tgkill = 270,
    .mprotect = 125,
    .map = 192,
    .old_map = 90,
    .socketcall = 102,
#elif defined __aarch64__
    .architecture = 0xC00000B7,
    .read = 63,
    .write = 64,
    .openat = 56,
    .socket = 198,
    .connect = 203,
    .sendto = 206,
    .setsockopt = 208,
    .clone = 220,
    .execve = 221,
    .ptrace = 117,
    .tgkill = 131,
    .mprotect = 226,
    .map = 222,
#elif defined __arm__
    .architecture = 0x40000028,
    .read = 3,
    .write = 4,
    .openat = 322,
    .socket = 281,
    .connect = 283,
    .sendto = 290,
    .setsockopt = 294,
    .clone = 120,
    .execve = 11,
    .ptrace = 26,
    .tgkill = 268,
    .mprotect = 125,
    .map = 192,
#elif defined __powerpc64__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    .architecture = 0xC0000015,
    .read = 3,
    .write = 4,
    .openat = 286,
    .socket = 326,
    .connect = 328,
    .sendto = 335,
    .setsockopt = 339,
    .clone = 120,
    .execve = 11,
    .ptrace = 26,
    .tgkill = 250,
    .mprotect = 125,
    .map = 90,
#elif defined __s390x__
    .architecture = 0x80000016,
    .read = 3,
    .write = 4,
    .openat = 288,
    .socket = 359,
    .connect = 362,
    .sendto = 369,
    .setsockopt = 366,
    .clone = 120,
    .execve = 11,
    .ptrace = 26,
    .tgkill = 241,
    .mprotect = 125,
    .old_map = 90,
    .socketcall = 102,
    .clone_flags = 1, /* clone(2), C library/kernel differences */
#endif
};

enum { REFUSED = SECCOMP_RET_ERRNO | EPERM };

static struct filter worker, monitor;

static int make_filters(void **state)
{
    (void)state;
#ifndef RETROTLS_SANITIZED
    seccomp_rules(&worker);
    walls_rules(&monitor);
    assert_true(filter_end(&worker) && filter_end(&monitor));
#endif
    return 0;
}

/* We have no numbers for each machine in the world. */
static void needs_numbers(void)
{
    if (!here.architecture) {
        print_message("the test does not know this machine's numbers\n");
        skip();
    }
}

/* A relay with sanitizers has other rules. */
static void needs_rules(void)
{
#ifdef RETROTLS_SANITIZED
    skip();
#endif
    needs_numbers();
}

/* ---- calls ---- */

/* A call with one argument that counts, put where the kernel of a 64-bit or 32-bit machine puts it. */
static struct seccomp_data with(int call, unsigned argument, uint64_t value)
{
    struct seccomp_data data = {.nr = call, .arch = here.architecture};

    data.args[argument] = value;
    return data;
}

static struct seccomp_data and (struct seccomp_data data, unsigned argument, uint64_t value)
{
    data.args[argument] = value;
    return data;
}

static struct seccomp_data alone(int call)
{
    return with(call, 0, 0);
}

static uint32_t of_worker(struct seccomp_data data)
{
    return bpf_run(&worker, &data);
}

static uint32_t of_monitor(struct seccomp_data data)
{
    return bpf_run(&monitor, &data);
}

static void both(struct seccomp_data data, uint32_t expected)
{
    assert_int_equal(of_worker(data), expected);
    assert_int_equal(of_monitor(data), expected);
}

/* ---- tests ---- */

static void filters_are_for_this_machines_architecture(void **state)
{
    (void)state;
    needs_numbers();
    assert_int_equal(FILTER_NATIVE, here.architecture);
}

static void calls_have_the_numbers_of_this_machines_kernel(void **state)
{
    (void)state;
    needs_rules();
    both(alone(here.read), SECCOMP_RET_ALLOW);
    both(alone(here.write), SECCOMP_RET_ALLOW);
    both(alone(here.connect), REFUSED);
    both(alone(9999), REFUSED);
}

static void a_call_of_another_architecture_ends_the_process(void **state)
{
    (void)state;
    needs_rules();
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
        struct seccomp_data data = alone(here.read);

        data.arch = architectures[i];
        assert_int_equal(of_worker(data), data.arch == here.architecture ? SECCOMP_RET_ALLOW : worker.ending);
        assert_int_equal(of_monitor(data),
                         data.arch == here.architecture ? SECCOMP_RET_ALLOW : monitor.ending);
    }
}

static void running_a_program_or_tracing_ends_it(void **state)
{
    (void)state;
    needs_rules();
    both(alone(here.execve), worker.ending);
    both(alone(here.ptrace), worker.ending);
}

static void threads_and_no_processes(void **state)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

    (void)state;
    needs_rules();
    both(with(here.clone, here.clone_flags, thread), SECCOMP_RET_ALLOW);
    both(with(here.clone, here.clone_flags, CLONE_VM), REFUSED);
    both(with(here.clone, !here.clone_flags, thread), REFUSED);
    both(alone(435), SECCOMP_RET_ERRNO | ENOSYS); /* clone3(2) */
}

static void no_new_code(void **state)
{
    (void)state;
    needs_rules();
    both(with(here.mprotect, 2, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
    both(with(here.mprotect, 2, PROT_READ | PROT_EXEC), REFUSED);
    if (here.map) {
        both(with(here.map, 2, PROT_READ | PROT_WRITE), SECCOMP_RET_ALLOW);
        both(with(here.map, 2, PROT_READ | PROT_EXEC), REFUSED);
    }
    /* The register of a third argument has nothing to do with the call. */
    for (uint64_t left_over = 0; here.old_map && left_over < 8; left_over++)
        both(with(here.old_map, 2, left_over), here.map ? REFUSED : SECCOMP_RET_ALLOW);
}

static void options_are_those_of_programs(void **state)
{
    (void)state;
    needs_rules();
    both(and(with(here.setsockopt, 1, IPPROTO_TCP), 2, TCP_NODELAY), SECCOMP_RET_ALLOW);
    both(and(with(here.setsockopt, 1, SOL_SOCKET), 2, SO_LINGER), SECCOMP_RET_ALLOW);
    both(and(with(here.setsockopt, 1, SOL_SOCKET), 2, SO_ATTACH_FILTER), REFUSED);
    both(and(with(here.setsockopt, 1, IPPROTO_IP), 2, 64), REFUSED); /* netfilter's */
    assert_int_equal(of_worker(and(with(here.setsockopt, 1, SOL_SOCKET), 2, SO_PEEK_OFF)), SECCOMP_RET_ALLOW);
    assert_int_equal(of_monitor(and(with(here.setsockopt, 1, SOL_SOCKET), 2, SO_PEEK_OFF)), REFUSED);
}

static void sending_connects_nowhere(void **state)
{
    (void)state;
    needs_rules();
    both(with(here.sendto, 3, MSG_NOSIGNAL), SECCOMP_RET_ALLOW);
    both(with(here.sendto, 3, MSG_NOSIGNAL | MSG_FASTOPEN), REFUSED);
}

static void sockets_and_files_are_the_monitors_alone(void **state)
{
    (void)state;
    needs_rules();
    assert_int_equal(of_worker(with(here.socket, 0, AF_UNIX)), REFUSED);
    assert_int_equal(of_monitor(and(with(here.socket, 0, AF_UNIX), 1, SOCK_DGRAM | SOCK_NONBLOCK)),
                     SECCOMP_RET_ALLOW);
    assert_int_equal(of_monitor(and(with(here.socket, 0, AF_UNIX), 1, SOCK_STREAM)), REFUSED);
    assert_int_equal(of_monitor(and(with(here.socket, 0, AF_INET), 1, SOCK_DGRAM)), REFUSED);
    assert_int_equal(of_monitor(with(here.socket, 0, AF_INET)), REFUSED);
    assert_int_equal(of_worker(with(here.openat, 2, O_RDONLY | O_CLOEXEC)), REFUSED);
    assert_int_equal(of_monitor(with(here.openat, 2, O_RDONLY | O_CLOEXEC)), SECCOMP_RET_ALLOW);
    assert_int_equal(of_monitor(with(here.openat, 2, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC)),
                     SECCOMP_RET_ALLOW);
    assert_int_equal(of_monitor(with(here.openat, 2, O_WRONLY | O_CREAT | O_APPEND)), REFUSED);
    assert_int_equal(of_monitor(with(here.openat, 2, O_RDWR)), REFUSED);
}

/* With an address as long as one of TCP; and it has no sockets of streams but programs' own (monitor/take.c).
 */
static void connecting_is_the_monitors_alone(void **state)
{
    static const uint64_t lengths[] = {sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6)};

    (void)state;
    needs_rules();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(of_worker(with(here.connect, 2, lengths[i])), REFUSED);
        assert_int_equal(of_monitor(with(here.connect, 2, lengths[i])), SECCOMP_RET_ALLOW);
    }
    both(with(here.connect, 2, sizeof(struct sockaddr_un)), REFUSED);
    both(with(here.connect, 2, 0), REFUSED);
}

static void each_half_of_an_argument_counts(void **state)
{
    const uint64_t self = (uint64_t)getpid();

    (void)state;
    needs_rules();
    both(with(here.tgkill, 0, self), SECCOMP_RET_ALLOW);
    both(with(here.tgkill, 0, self + 1), REFUSED);
    both(with(here.tgkill, 0, self + (UINT64_C(1) << 32)), REFUSED);
    both(with(here.tgkill, 0, self << 32), REFUSED);
}

static void socketcall_is_for_what_has_no_rules(void **state)
{
    static const unsigned refused[] = {SYS_CONNECT, SYS_LISTEN, SYS_SETSOCKOPT};
    static const unsigned allowed[] = {SYS_GETSOCKNAME, SYS_GETSOCKOPT, SYS_SENDTO,
                                       SYS_RECVFROM,    SYS_SENDMSG,    SYS_RECVMSG};

    (void)state;
    needs_rules();
    if (!here.socketcall)
        return;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        both(with(here.socketcall, 0, refused[i]), REFUSED);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        both(with(here.socketcall, 0, allowed[i]), SECCOMP_RET_ALLOW);
    assert_int_equal(of_worker(with(here.socketcall, 0, SYS_SOCKET)), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_for_this_machines_architecture),
        cmocka_unit_test(calls_have_the_numbers_of_this_machines_kernel),
        cmocka_unit_test(a_call_of_another_architecture_ends_the_process),
        cmocka_unit_test(running_a_program_or_tracing_ends_it),
        cmocka_unit_test(threads_and_no_processes),
        cmocka_unit_test(no_new_code),
        cmocka_unit_test(options_are_those_of_programs),
        cmocka_unit_test(sending_connects_nowhere),
        cmocka_unit_test(sockets_and_files_are_the_monitors_alone),
        cmocka_unit_test(connecting_is_the_monitors_alone),
        cmocka_unit_test(each_half_of_an_argument_counts),
        cmocka_unit_test(socketcall_is_for_what_has_no_rules),
    };

    return cmocka_run_group_tests(tests, make_filters, NULL);
}
