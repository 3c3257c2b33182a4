/*
 * The walls from inside: the network, and whatever else a kernel offers. What works without is shown to work;
 * see test_sandbox.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/landlock.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

static int outcome(bool good)
{
    return good ? 0 : errno;
}

/* ---- sockets ---- */

static int inet_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int netlink_socket(void)
{
    return outcome(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

/* To the log of a system that has none; a TCP socket that the relay was given would go elsewhere alike. */
static int connect_somewhere(void)
{
    const struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return outcome(connect(fd, (const struct sockaddr *)&nowhere, sizeof nowhere) != 0 && errno == ENOENT);
}

/* A TCP socket whose connect() has failed, as the relay keeps some, and a listener of the program's machine.
 */
static int closed_tcp = -1, listener = -1;
static struct sockaddr_in listens_at;

static void open_tcp(void)
{
    socklen_t length = sizeof listens_at;

    listens_at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    closed_tcp = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&listens_at, sizeof listens_at), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&listens_at, &length), 0);
}

static int send_to_elsewhere(void)
{
    return outcome(sendto(closed_tcp, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
                          (const struct sockaddr *)&listens_at, sizeof listens_at) >= 0);
}

static int send_message_to_elsewhere(void)
{
    struct iovec part = {.iov_base = (char[]){"x"}, .iov_len = 1};
    const struct msghdr message = {
        .msg_name = &listens_at, .msg_namelen = sizeof listens_at, .msg_iov = &part, .msg_iovlen = 1};

    return outcome(sendmsg(closed_tcp, &message, MSG_FASTOPEN | MSG_NOSIGNAL) >= 0);
}

static int connect_what_it_has(void)
{
    return outcome(connect(closed_tcp, (const struct sockaddr *)&listens_at, sizeof listens_at) == 0);
}

static void test_no_socket_to_elsewhere(void **state)
{
    (void)state;
    is_forbidden(inet_socket, EPERM);
    is_forbidden(netlink_socket, EPERM);
    is_forbidden(connect_somewhere, EPERM);
    open_tcp();
    is_forbidden(connect_what_it_has, EPERM);
#ifndef RETROTLS_SANITIZED
    /* Each child's connection is another one: the socket is closed again by its end. */
    close(closed_tcp);
    closed_tcp = socket(AF_INET, SOCK_STREAM, 0);
    is_forbidden(send_to_elsewhere, EPERM);
    close(closed_tcp);
    closed_tcp = socket(AF_INET, SOCK_STREAM, 0);
    is_forbidden(send_message_to_elsewhere, EPERM);
#endif
    close(closed_tcp);
    close(listener);
}

/* ---- signals by way of a socket ---- */

static int own_a_socket(void)
{
    return outcome(fcntl(closed_tcp, F_SETOWN, getppid()) == 0);
}

static int choose_its_signal(void)
{
    return outcome(fcntl(closed_tcp, F_SETSIG, SIGKILL) == 0);
}

static int duplicate_it(void)
{
    return outcome(fcntl(closed_tcp, F_DUPFD_CLOEXEC, 100) >= 100 && fcntl(closed_tcp, F_GETFL) >= 0);
}

static void test_no_signal_by_a_socket(void **state)
{
    (void)state;
#ifdef RETROTLS_SANITIZED
    skip(); /* seccomp.c tells why */
#endif
    open_tcp();
    is_forbidden(own_a_socket, EPERM);
    is_forbidden(choose_its_signal, EPERM);
    still_works(duplicate_it, NULL);
    close(closed_tcp);
    close(listener);
}

/* ---- whatever else a kernel offers ---- */

static long number; /* of a system call, with arguments that are wrong in any case */

static int call(void)
{
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

static void test_no_other_system_call(void **state)
{
    static const long numbers[] = {SYS_io_uring_setup,
                                   SYS_unshare,
                                   SYS_setns,
                                   SYS_mount,
                                   SYS_umount2,
                                   SYS_chroot,
                                   SYS_bpf,
                                   SYS_keyctl,
                                   SYS_add_key,
                                   SYS_userfaultfd,
                                   SYS_perf_event_open,
                                   SYS_memfd_create,
                                   SYS_kill,
                                   SYS_tkill,
                                   SYS_setuid,
                                   SYS_setresuid,
                                   SYS_setgroups,
                                   SYS_unlinkat,
                                   SYS_renameat2,
                                   SYS_linkat,
                                   SYS_symlinkat,
                                   SYS_fchmodat,
                                   SYS_fchownat,
                                   SYS_mknodat,
                                   SYS_truncate,
                                   SYS_pidfd_getfd,
                                   SYS_process_vm_writev,
                                   SYS_open_by_handle_at,
                                   SYS_listen,
                                   SYS_socketpair,
                                   SYS_sendmmsg,
                                   SYS_prctl,
                                   SYS_seccomp,
                                   SYS_setrlimit,
                                   SYS_clone3,
                                   SYS_vmsplice,
                                   SYS_init_module};

    (void)state;
#ifdef RETROTLS_SANITIZED
    skip(); /* seccomp.c tells why */
#endif
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int status;

        number = numbers[i];
        status = walls_try(call, NULL, true);
        if (WEXITSTATUS(status) != (number == SYS_clone3 ? ENOSYS : EPERM) || !WIFEXITED(status))
            fail_msg("system call %ld: status %#x", number, (unsigned)status);
    }
}

#ifdef __x86_64__
/* ---- the other numbers that a kernel has for the same calls ---- */

enum { GETPID_OF_I386 = 20, X32 = 0x40000000 };

static int call_as_32_bits(void)
{
    long result = GETPID_OF_I386;

    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "cc", "r8", "r9", "r10", "r11");
    return outcome(result > 0);
}

static int call_as_x32(void)
{
    syscall(X32 + SYS_getpid);
    return WORKS;
}

static void ends_by_sigsys(try_function *act)
{
    const int status = walls_try(act, NULL, true);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("status %#x", (unsigned)status);
}

static void test_no_call_as_32_bits(void **state)
{
    const int status = walls_try(call_as_32_bits, NULL, false);

    (void)state;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
        print_message("this kernel has no system calls of 32 bits\n");
        skip();
    }
    walls_assert_status(status, WORKS);
    ends_by_sigsys(call_as_32_bits);
}

static void test_no_call_as_x32(void **state)
{
    (void)state;
    ends_by_sigsys(call_as_x32);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_socket_to_elsewhere), cmocka_unit_test(test_no_signal_by_a_socket),
        cmocka_unit_test(test_no_other_system_call),
#ifdef __x86_64__
        cmocka_unit_test(test_no_call_as_32_bits),     cmocka_unit_test(test_no_call_as_x32),
#endif
    };

    if (landlock_version() == 0) {
        puts("this kernel has no Landlock: nothing to test");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
