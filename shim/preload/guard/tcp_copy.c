#include "preload/guard/tcp_copy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/guard/tcp_options.h"
#include "preload/sys/sys.h"

/* include/uapi/asm-generic/socket.h, linux/in.h: older headers lack them. */
enum { OPTION_NETNS_COOKIE = 71, OPTION_BIND_ADDRESS_NO_PORT = 24, PROTOCOL_MPTCP = 262 };

struct copy {
    int from, to, beside, family, protocol; /* `beside`: an earlier copy, or -1 */
    const char **what;
};

static bool fail(const struct copy *copy, const char *what)
{
    *copy->what = what;
    return false;
}

/*
 * socket(2) makes a socket in the thread's current network namespace, which setns(2) may have changed. The
 * program's socket may also come from a process in another namespace. Before Linux 5.14 we cannot find out.
 */
static bool is_of_same_network(const struct copy *copy)
{
    uint64_t from = 0, to = 0;
    socklen_t length = sizeof from;

    if (sys_getsockopt(copy->from, SOL_SOCKET, OPTION_NETNS_COOKIE, &from, &length) != 0)
        return errno == ENOPROTOOPT || errno == EINVAL || fail(copy, "SO_NETNS_COOKIE");
    length = sizeof to;
    if (sys_getsockopt(copy->to, SOL_SOCKET, OPTION_NETNS_COOKIE, &to, &length) != 0)
        return fail(copy, "SO_NETNS_COOKIE");
    if (from == to)
        return true;
    errno = EXDEV;
    return fail(copy, "its network namespace");
}

/*
 * True if the port that getsockname(2) shows is bound. After a failed connection it still shows the port
 * though the socket is no longer bound (net/ipv4/af_inet.c, inet_getname()), and binding that port again
 * might fail.
 */
static bool is_port_bound(const struct copy *copy, const struct sockaddr_storage *own, socklen_t length)
{
    const int other = sys_socket(copy->family, SOCK_STREAM, copy->protocol);
    const bool is_free = other >= 0 && sys_bind(other, own, length) == 0;
    const int error = errno;

    if (other >= 0)
        sys_close(other);
    if (is_free)
        return false;
    /* A third socket may have it now. Binding a bound one is EINVAL (net/ipv4/af_inet.c, __inet_bind()). */
    return error != EADDRINUSE || (sys_bind(copy->from, own, length) != 0 && errno == EINVAL);
}

static in_port_t *port_of(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)address)->sin6_port
                                          : &((struct sockaddr_in *)address)->sin_port;
}

static bool is_any(const struct sockaddr_storage *address)
{
    static const struct in6_addr any;

    return address->ss_family == AF_INET6
               ? memcmp(&((const struct sockaddr_in6 *)address)->sin6_addr, &any, sizeof any) == 0
               : ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool set_reuse(int fd, int on)
{
    return sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
}

/*
 * Two sockets can be bound to one port if both have SO_REUSEADDR and neither listens (socket(7)). The option
 * may be set on the first one after it was bound, and matters only to bind(2) (tried on Linux 6.18).
 */
static bool bind_beside(const struct copy *copy, const struct sockaddr_storage *own, socklen_t length)
{
    const int reuse = sys_option(copy->from, SOL_SOCKET, SO_REUSEADDR, 0);
    const bool good =
        (reuse || (set_reuse(copy->from, 1) && (copy->beside < 0 || set_reuse(copy->beside, 1)))) &&
        set_reuse(copy->to, 1) && sys_bind(copy->to, own, length) == 0;
    const int saved = errno;

    if (!reuse) {
        set_reuse(copy->from, 0);
        set_reuse(copy->to, 0);
        if (copy->beside >= 0)
            set_reuse(copy->beside, 0);
    }
    errno = saved;
    return good || fail(copy, "its local address");
}

/* Binds the address alone and lets connect(2) choose the port (IP_BIND_ADDRESS_NO_PORT). */
static bool bind_address_alone(const struct copy *copy, const struct sockaddr_storage *own, socklen_t length)
{
    const int on = 1;

    return (sys_setsockopt(copy->to, IPPROTO_IP, OPTION_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
            sys_bind(copy->to, own, length) == 0) ||
           fail(copy, "its local address");
}

static bool bind_alike(const struct copy *copy)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;

    if (sys_getsockname(copy->from, (void *)&own, &length) != 0)
        return fail(copy, "its local address");
    if (*port_of(&own) != 0) {
        if (is_port_bound(copy, &own, length))
            return bind_beside(copy, &own, length);
        *port_of(&own) = 0; /* the next connection still goes out from this address */
    }
    return is_any(&own) || bind_address_alone(copy, &own, length);
}

int tcp_copy(int fd, int beside, int family, const char **what)
{
    const int protocol = sys_option(fd, SOL_SOCKET, SO_PROTOCOL, 0) == PROTOCOL_MPTCP ? PROTOCOL_MPTCP : 0;
    const struct copy copy = {
        .from = fd,
        .beside = beside,
        .to = sys_socket(family, SOCK_STREAM | SOCK_NONBLOCK, protocol),
        .family = family,
        .protocol = protocol,
        .what = what,
    };
    int saved;

    *what = "socket(2)";
    if (copy.to < 0)
        return -1;
    if (is_of_same_network(&copy) && tcp_options_carry(fd, copy.to, family, what) && bind_alike(&copy))
        return copy.to;
    saved = errno;
    sys_close(copy.to);
    errno = saved;
    return -1;
}
