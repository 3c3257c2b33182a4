/*
 * The socket that makes a guarded connection is like the program's own: same options, same local address. If
 * it cannot copy something that decides where packets go, it fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/guard/tcp_copy.h"
#include "preload/guard/tcp_options.h"
#include "tests/unit/cmocka_all.h"

enum { MPTCP = 262, BIND_ADDRESS_NO_PORT = 24, NETNS_COOKIE = 71, MARK = 36 };

static const struct kind {
    int family, protocol;
} kinds[] = {{AF_INET, 0}, {AF_INET6, 0}, {AF_INET, MPTCP}, {AF_INET6, MPTCP}};

static int new_socket(const struct kind *kind)
{
    return socket(kind->family, SOCK_STREAM, kind->protocol);
}

static int copy_of(int fd, const struct kind *kind)
{
    const char *what = "";
    const int copy = tcp_copy(fd, -1, kind->family, &what);

    if (copy < 0)
        fail_msg("%s: %s", what, strerror(errno));
    return copy;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

struct setting {
    int level, name, value;
};

static void check(const struct kind *kind, const struct setting *settings, size_t count)
{
    const int fd = new_socket(kind);
    int copy;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(setsockopt(fd, settings[i].level, settings[i].name, &settings[i].value, sizeof(int)),
                         0);
        tcp_options_note(settings[i].level, settings[i].name);
    }
    copy = copy_of(fd, kind);
    for (size_t i = 0; i < count; i++) {
        if (option(copy, settings[i].level, settings[i].name) !=
            option(fd, settings[i].level, settings[i].name))
            fail_msg("option %d of level %d: %d is not %d", settings[i].name, settings[i].level,
                     option(copy, settings[i].level, settings[i].name),
                     option(fd, settings[i].level, settings[i].name));
    }
    close(fd);
    close(copy);
}

static void options_are_carried(void **state)
{
    static const struct setting any[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},  {SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_SNDBUF, 20000},
        {SOL_SOCKET, SO_RCVBUF, 30000}, {SOL_SOCKET, SO_PRIORITY, 3},  {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_IP, IP_TOS, 16},
    };
    static const struct setting tcp[] = {
        {SOL_SOCKET, SO_OOBINLINE, 1},
        {SOL_SOCKET, SO_DONTROUTE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 33},
        {IPPROTO_TCP, TCP_KEEPINTVL, 34},
        {IPPROTO_TCP, TCP_KEEPCNT, 5},
        {IPPROTO_TCP, TCP_SYNCNT, 4},
        {IPPROTO_TCP, TCP_MAXSEG, 1000},
        {IPPROTO_TCP, TCP_LINGER2, 7},
        {IPPROTO_TCP, TCP_CORK, 1},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 999},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000},
        {IPPROTO_IP, IP_TTL, 77},
        {IPPROTO_IP, IP_MTU_DISCOVER, 1},
        {IPPROTO_IP, IP_RECVERR, 1},
    };
    static const struct setting six[] = {
        {IPPROTO_IPV6, IPV6_V6ONLY, 1},
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9},
        {IPPROTO_IPV6, IPV6_TCLASS, 16},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        check(&kinds[i], any, sizeof any / sizeof any[0]);
    check(&kinds[0], tcp, sizeof tcp / sizeof tcp[0]);
    check(&kinds[1], six, sizeof six / sizeof six[0]);
}

static struct sockaddr_storage name_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;

    memset(&name, 0, sizeof name);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    return name;
}

static struct sockaddr_storage loopback(const struct kind *kind, int port)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)kind->family};
    struct sockaddr_in *const v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *const v6 = (struct sockaddr_in6 *)&address;

    if (kind->family == AF_INET) {
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4->sin_port = htons((uint16_t)port);
    } else {
        v6->sin6_addr = in6addr_loopback;
        v6->sin6_port = htons((uint16_t)port);
    }
    return address;
}

static int port_of(int fd)
{
    const struct sockaddr_storage name = name_of(fd);

    return ntohs(name.ss_family == AF_INET ? ((const struct sockaddr_in *)&name)->sin_port
                                           : ((const struct sockaddr_in6 *)&name)->sin6_port);
}

static void bind_to(int fd, const struct kind *kind, int port)
{
    const struct sockaddr_storage address = loopback(kind, port);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static void local_address_and_port_are_shared(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const int fd = new_socket(&kinds[i]);
        struct sockaddr_storage own, copied;
        int copy;

        bind_to(fd, &kinds[i], 0);
        copy = copy_of(fd, &kinds[i]);
        own = name_of(fd);
        copied = name_of(copy);
        assert_memory_equal(&own, &copied, sizeof own);
        assert_int_not_equal(port_of(copy), 0);
        assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
        assert_int_equal(option(copy, SOL_SOCKET, SO_REUSEADDR), 0);
        close(fd);
        close(copy);
    }
}

/* qemu-user does not have IP_BIND_ADDRESS_NO_PORT, nor does a kernel before 4.2. */
static void need_addresses_without_a_port(void)
{
    const int on = 1, fd = new_socket(&kinds[0]);
    const bool known = setsockopt(fd, IPPROTO_IP, BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0;

    close(fd);
    if (known)
        return;
    print_message("IP_BIND_ADDRESS_NO_PORT is not known\n");
    skip();
}

static void address_without_a_port_stays_so(void **state)
{
    const int on = 1, fd = new_socket(&kinds[0]);
    struct sockaddr_storage own, copied;
    int copy;

    (void)state;
    need_addresses_without_a_port();
    assert_int_equal(setsockopt(fd, IPPROTO_IP, BIND_ADDRESS_NO_PORT, &on, sizeof on), 0);
    bind_to(fd, &kinds[0], 0);
    copy = copy_of(fd, &kinds[0]);
    own = name_of(fd);
    copied = name_of(copy);
    assert_int_equal(port_of(fd), 0);
    assert_memory_equal(&own, &copied, sizeof own);
    close(fd);
    close(copy);
}

/* It may fail if another program has the address, which is just as good. */
static void take(int fd, const struct kind *kind, int port)
{
    const struct sockaddr_storage address = loopback(kind, port);

    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        assert_int_equal(errno, EADDRINUSE);
}

/* After a failed connection, the port is shown but not bound. */
static void port_of_a_failed_connection_is_not_bound(void **state)
{
    (void)state;
    need_addresses_without_a_port();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (int taken = 0; taken < 2; taken++) {
            const struct sockaddr_storage nobody = loopback(&kinds[i], 1);
            const int fd = new_socket(&kinds[i]), other = new_socket(&kinds[i]);
            int copy;

            assert_int_equal(connect(fd, (const struct sockaddr *)&nobody, sizeof nobody), -1);
            assert_int_not_equal(port_of(fd), 0);
            if (taken)
                take(other, &kinds[i], port_of(fd));
            copy = copy_of(fd, &kinds[i]);
            assert_int_equal(port_of(copy), 0);
            close(fd);
            close(other);
            close(copy);
        }
    }
}

/* After a failed connection, bind(2) to an address with port 0 stays in effect, but the port does not. */
static void address_of_a_failed_connection_is_bound(void **state)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    const struct sockaddr_storage nobody = loopback(&kinds[0], 1);
    const int fd = new_socket(&kinds[0]);
    socklen_t length = sizeof own;
    int copy;

    (void)state;
    need_addresses_without_a_port();
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&nobody, sizeof nobody), -1);
    copy = copy_of(fd, &kinds[0]);
    assert_int_equal(getsockname(copy, (struct sockaddr *)&own, &length), 0);
    assert_int_equal(own.sin_addr.s_addr, htonl(INADDR_LOOPBACK + 1));
    assert_int_equal(own.sin_port, 0);
    close(fd);
    close(copy);
}

static void copy_is_free_and_of_the_library(void **state)
{
    const int fd = new_socket(&kinds[0]), copy = copy_of(fd, &kinds[0]);

    (void)state;
    assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(copy, F_GETFL) & O_NONBLOCK);
    assert_int_equal(port_of(copy), 0);
    close(fd);
    close(copy);
}

/* Runs in a child. Exits with 0 if no copy can be made and the failure names `what`. */
static void fails(const char *what, bool (*prepare)(int fd))
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        const int fd = new_socket(&kinds[0]);
        const char *named = "";

        if (!prepare(fd))
            _exit(77);
        _exit(tcp_copy(fd, -1, AF_INET, &named) < 0 && strcmp(named, what) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77)
        skip(); /* what this user may not set up cannot happen to him either */
    assert_int_equal(status, 0);
}

static bool set_mark_and_drop_privileges(int fd)
{
    const int mark = 7;

    return setsockopt(fd, SOL_SOCKET, MARK, &mark, sizeof mark) == 0 && setresuid(65534, 65534, 65534) == 0;
}

static void mark_that_cannot_be_set_again(void **state)
{
    (void)state;
    fails("SO_MARK", set_mark_and_drop_privileges);
}

static bool enter_another_network(int fd)
{
    uint64_t cookie;
    socklen_t length = sizeof cookie;

    /* Linux before 5.14 and qemu-user do not report a socket's network namespace. */
    if (getsockopt(fd, SOL_SOCKET, NETNS_COOKIE, &cookie, &length) != 0) {
        fputs("SO_NETNS_COOKIE is not told\n", stderr);
        return false;
    }
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 || unshare(CLONE_NEWNET) == 0;
}

static void socket_of_another_network(void **state)
{
    (void)state;
    fails("its network namespace", enter_another_network);
}

static bool bind_privileged_port(int fd)
{
    struct sockaddr_storage address = loopback(&kinds[0], 0);

    for (int port = 1023; port > 512; port--) {
        ((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return setresuid(65534, 65534, 65534) == 0;
    }
    return false;
}

static void port_that_cannot_be_bound_again(void **state)
{
    (void)state;
    fails("its local address", bind_privileged_port);
}

static bool note_key(int fd)
{
    (void)fd;
    tcp_options_note(IPPROTO_TCP, TCP_MD5SIG);
    return true;
}

static void what_cannot_be_read_back(void **state)
{
    (void)state;
    fails("TCP_MD5SIG", note_key);
}

/* Whatever the program sets, and in whatever order: no crash, and no write out of bounds. */
static void any_number_can_be_noted(void **state)
{
    (void)state;
    for (int level = -1; level < 300; level++) {
        if (level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6)
            continue; /* these contain options that make a copy fail */
        for (int name = -1; name < 200; name++)
            tcp_options_note(level, name);
    }
    tcp_options_note_all();
    copy_is_free_and_of_the_library(NULL);
}

/* For `tls auto`: a second copy, made while the first connects, goes out from the same port to another one.
 */
static void two_copies_share_a_port(void **state)
{
    (void)state;
    for (int reuse = 0; reuse < 2; reuse++) {
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                           to[2] = {own, own}, got;
        socklen_t length = sizeof own;
        int listener[2], copy[2], accepted;
        const int fd = new_socket(&kinds[0]);
        const char *what = "";

        for (int i = 0; i < 2; i++) {
            length = sizeof own;
            listener[i] = socket(AF_INET, SOCK_STREAM, 0);
            assert_int_equal(bind(listener[i], (struct sockaddr *)&to[i], length), 0);
            assert_int_equal(listen(listener[i], 1), 0);
            assert_int_equal(getsockname(listener[i], (struct sockaddr *)&to[i], &length), 0);
        }
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
        length = sizeof own;
        assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
        copy[0] = tcp_copy(fd, -1, AF_INET, &what);
        assert_true(copy[0] >= 0);
        connect(copy[0], (struct sockaddr *)&to[0], sizeof to[0]);
        copy[1] = tcp_copy(fd, copy[0], AF_INET, &what);
        assert_true(copy[1] >= 0);
        connect(copy[1], (struct sockaddr *)&to[1], sizeof to[1]);
        for (int i = 0; i < 2; i++) {
            length = sizeof got;
            accepted = accept(listener[i], (struct sockaddr *)&got, &length);
            assert_true(accepted >= 0 && got.sin_port == own.sin_port);
            assert_int_equal(option(copy[i], SOL_SOCKET, SO_REUSEADDR), reuse);
            close(accepted);
            close(copy[i]);
            close(listener[i]);
        }
        assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), reuse);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_is_free_and_of_the_library),
        cmocka_unit_test(options_are_carried),
        cmocka_unit_test(local_address_and_port_are_shared),
        cmocka_unit_test(address_without_a_port_stays_so),
        cmocka_unit_test(port_of_a_failed_connection_is_not_bound),
        cmocka_unit_test(address_of_a_failed_connection_is_bound),
        cmocka_unit_test(mark_that_cannot_be_set_again),
        cmocka_unit_test(socket_of_another_network),
        cmocka_unit_test(port_that_cannot_be_bound_again),
        cmocka_unit_test(what_cannot_be_read_back),
        cmocka_unit_test(any_number_can_be_noted),
        cmocka_unit_test(two_copies_share_a_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
