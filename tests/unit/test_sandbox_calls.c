/*
 * The walls from inside: the network, and whatever else a kernel offers. Each call is shown to work without
 * the walls. See test_sandbox.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/socket_options.h"
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

static int unix_socket(void)
{
    return outcome(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0);
}

static int netlink_socket(void)
{
    return outcome(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

/*
 * Connects to the log of a system that has none. A TCP socket that the relay was given could connect
 * elsewhere as well.
 */
static int connect_somewhere(void)
{
    const struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return outcome(connect(fd, (const struct sockaddr *)&nowhere, sizeof nowhere) != 0 && errno == ENOENT);
}

/*
 * A TCP socket whose connect() has failed, like those the relay keeps, and a listener on the program's
 * machine.
 */
static int closed_tcp = -1, listener = -1;
static struct sockaddr_in listens_at;
static int given_pair[2];

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
    walls_need_filters();
    is_forbidden(inet_socket, EPERM);
    is_forbidden(unix_socket, EPERM);
    is_forbidden(netlink_socket, EPERM);
    is_forbidden(connect_somewhere, EPERM);
    open_tcp();
    is_forbidden(connect_what_it_has, EPERM);
    if (!SANITIZED) {
        /* Each child needs a new connection: when it ends, the socket is closed again. */
        close(closed_tcp);
        closed_tcp = socket(AF_INET, SOCK_STREAM, 0);
        is_forbidden(send_to_elsewhere, EPERM);
        close(closed_tcp);
        closed_tcp = socket(AF_INET, SOCK_STREAM, 0);
        is_forbidden(send_message_to_elsewhere, EPERM);
    }
    close(closed_tcp);
    close(listener);
}

/* ---- signals through a socket ---- */

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
    walls_need_filters();
    if (SANITIZED)
        skip();
    open_tcp();
    is_forbidden(own_a_socket, EPERM);
    is_forbidden(choose_its_signal, EPERM);
    still_works(duplicate_it);
    close(closed_tcp);
    close(listener);
}

/* ---- options ---- */

static int attach_a_filter(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffffU)};
    const struct sock_fprog filter = {.len = 1, .filter = all};

    return outcome(setsockopt(closed_tcp, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0);
}

/* ENOENT, ENOTCONN: the kernel got as far as looking at the socket. */
static int change_its_protocol(void)
{
    return outcome(socket_option_set(closed_tcp, IPPROTO_TCP, TCP_ULP, "tls", 3) == 0 || errno == ENOENT ||
                   errno == ENOTCONN);
}

static int set_what_a_program_sets(void)
{
    const int one = 1;

    return outcome(socket_option_set(closed_tcp, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0 &&
                   socket_option_set(closed_tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
                   socket_option_set(closed_tcp, IPPROTO_TCP, TCP_USER_TIMEOUT, &one, sizeof one) == 0 &&
                   socket_option_set(closed_tcp, IPPROTO_IP, IP_TOS, &one, sizeof one) == 0 &&
                   socket_option_set(given_pair[0], SOL_SOCKET, SO_PEEK_OFF, &one, sizeof one) == 0);
}

/* Tries each number of the known levels. Options that may be set get as far as the socket; no other does. */
static int only_those_of_the_list(void)
{
    static const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6, 17, 263, 282, 4, -1};

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        for (int name = -2; name < 300; name++) {
            const bool own = levels[i] == SOL_SOCKET && name == SO_PEEK_OFF;
            const bool wanted = own || socket_option_may_be_set(levels[i], name);

            /* There is no socket: what passes the filter fails with EBADF. */
            if (socket_option_set(-1, levels[i], name, NULL, 0) != -1 || errno != (wanted ? EBADF : EPERM))
                return ENOTRECOVERABLE;
        }
    }
    return 0;
}

static void test_no_option_beyond_those_of_programs(void **state)
{
    (void)state;
    walls_need_filters();
    if (SANITIZED)
        skip();
    open_tcp();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, given_pair), 0);
    is_forbidden(attach_a_filter, EPERM);
    is_forbidden(change_its_protocol, EPERM);
    still_works(set_what_a_program_sets);
    still_works(only_those_of_the_list);
    close(given_pair[0]);
    close(given_pair[1]);
    close(closed_tcp);
    close(listener);
}

/* ---- whatever else a kernel offers ---- */

static long number; /* of a system call whose arguments are always wrong */

static int call(void)
{
    return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

static void test_no_other_system_call(void **state)
{
    static const long numbers[] = {SYS_openat,
                                   SYS_openat2,
#ifdef SYS_newfstatat
                                   SYS_newfstatat,
#else
                                   SYS_fstatat64,
#endif
                                   SYS_statx,
                                   SYS_readlinkat,
                                   SYS_getdents64,
                                   SYS_mkdirat,
                                   SYS_bind,
                                   SYS_tgkill,
                                   SYS_capset,
                                   SYS_pidfd_open,
                                   SYS_landlock_create_ruleset,
                                   SYS_io_uring_setup,
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
    walls_need_filters();
    if (SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int status;

        number = numbers[i];
        status = walls_try(call, ALL_WALLS);
        if (WEXITSTATUS(status) != (number == SYS_clone3 ? ENOSYS : EPERM) || !WIFEXITED(status))
            fail_msg("system call %ld: status %#x", number, (unsigned)status);
    }
}

#ifdef __x86_64__
/* ---- other numbers that a kernel has for the same calls ---- */

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
    const int status = walls_try(act, ALL_WALLS);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        fail_msg("status %#x", (unsigned)status);
}

static void test_no_call_as_32_bits(void **state)
{
    const int status = walls_try(call_as_32_bits, NO_WALLS);

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
        cmocka_unit_test(test_no_socket_to_elsewhere),
        cmocka_unit_test(test_no_signal_by_a_socket),
        cmocka_unit_test(test_no_option_beyond_those_of_programs),
        cmocka_unit_test(test_no_other_system_call),
#ifdef __x86_64__
        cmocka_unit_test(test_no_call_as_32_bits),
        cmocka_unit_test(test_no_call_as_x32),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
