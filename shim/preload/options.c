/*
 * getsockopt(2) and setsockopt(2): what a TCP socket answers at the levels of TCP, IP and IPv6, and some of
 * SOL_SOCKET, is asked of the real socket, which the relay has. For any other descriptor nothing is added but
 * for those options of SOL_SOCKET that a UNIX socket would take without a word: one getsockname(2).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/ask.h"
#include "preload/export.h"
#include "preload/identity.h"
#include "preload/real.h"
#include "preload/sys.h"

#ifndef TCP_ULP
#    define TCP_ULP 31
#endif
#ifndef TCP_REPAIR
#    define TCP_REPAIR 19
#endif
#ifndef SO_MAX_PACING_RATE
#    define SO_MAX_PACING_RATE 47
#endif

/* Options of SOL_SOCKET that mean the real socket. The buffers' sizes too: the pair's own must not be small.
 */
static bool is_real_socket_option(int name)
{
    switch (name) {
    case SO_KEEPALIVE:
    case SO_LINGER:
    case SO_PRIORITY:
    case SO_MARK:
    case SO_BINDTODEVICE:
    case SO_SNDBUF:
    case SO_RCVBUF:
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
    case SO_MAX_PACING_RATE:
        return true;
    default:
        return false;
    }
}

/* Options that the library itself must not hand on. */
static int refusal(int level, int name, bool setting)
{
    if (level != IPPROTO_TCP && level != IPPROTO_IP && level != IPPROTO_IPV6 && level != SOL_SOCKET)
        return setting ? ENOPROTOOPT : EOPNOTSUPP; /* net/ipv4/ip_sockglue.c */
    if (level == IPPROTO_TCP && name == TCP_ULP)
        return ENOENT; /* a TLS library then encrypts by itself, as where the kernel has no TLS */
    if (level == IPPROTO_TCP && name == TCP_REPAIR)
        return EPERM;
    return 0;
}

/* A call's end: 0 with errno as it was before the call, or -1 with `error`. */
static int finish(int error, int before)
{
    errno = error == 0 ? before : error;
    return error == 0 ? 0 : -1;
}

static void copy_value(const void *from, size_t size, void *value, socklen_t *length)
{
    if (*length > size)
        *length = (socklen_t)size;
    memcpy(value, from, *length);
}

/*
 * No relay any more: what a socket says whose connection has ended. Nothing is remembered, so a number is 0;
 * TCP_INFO says TCP_CLOSE.
 */
static void copy_dead_value(int level, int name, void *value, socklen_t *length)
{
    uint8_t nothing[sizeof(struct tcp_info)] = {0};
    size_t size = sizeof(int);

    if (level == IPPROTO_TCP && name == TCP_INFO) {
        ((struct tcp_info *)(void *)nothing)->tcpi_state = TCP_CLOSE;
        size = sizeof nothing;
    } else if (level == SOL_SOCKET && name == SO_LINGER) {
        size = sizeof(struct linger);
    } else if (level == SOL_SOCKET && name == SO_BINDTODEVICE) {
        size = 0;
    }
    copy_value(nothing, size, value, length);
}

/* The errno of getsockopt() on the real socket, or 0. */
static int get_real(int fd, const struct identity *id, int level, int name, void *value, socklen_t *length)
{
    int error = refusal(level, name, false);

    if (error == 0 && (int)*length < 0)
        error = EINVAL;
    if (error == 0)
        error = ask_get_option(fd, id, level, name, value, length);
    if (error != ESHUTDOWN)
        return error;
    copy_dead_value(level, name, value, length);
    return 0;
}

/* After the real call has succeeded: what of its answer is not true of a TCP socket. */
static void correct(int fd, int name, void *value, socklen_t *length)
{
    struct ucred nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct identity id;
    struct peer_state outcome;
    int number;

    switch (name) {
    case SO_DOMAIN:
    case SO_ERROR:
        if (*length < sizeof number)
            return;
        memcpy(&number, value, sizeof number);
        if (number != (name == SO_DOMAIN ? AF_UNIX : ECONNRESET) || !identity_of(fd, &id))
            return;
        outcome = identity_outcome(fd, &id);
        if (name == SO_DOMAIN)
            number = id.peer.family;
        else if (outcome.state == OUTCOME_FAILED)
            number = outcome.error;
        memcpy(value, &number, sizeof number);
        return;
    case SO_PROTOCOL:
        number = IPPROTO_TCP;
        if (identity_of(fd, &id))
            copy_value(&number, sizeof number, value, length);
        return;
    case SO_PEERCRED:
        if (identity_of(fd, &id))
            copy_value(&nobody, sizeof nobody, value, length);
        return;
    default:
        return;
    }
}

EXPORTED int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    const int before = errno;
    struct identity id;

    if (level == SOL_SOCKET && is_real_socket_option(name) && value && length && identity_of(fd, &id))
        return finish(get_real(fd, &id, level, name, value, length), before);
    if (real.getsockopt(fd, level, name, value, length) == 0) {
        if (level == SOL_SOCKET)
            correct(fd, name, value, length);
        return 0;
    }
    /* What a UNIX socket says of any other level. */
    if (level == SOL_SOCKET || errno != EOPNOTSUPP || !identity_of(fd, &id))
        return -1;
    return finish(get_real(fd, &id, level, name, value, length), before);
}

static int set_real(int fd, const struct identity *id, int level, int name, const void *value,
                    socklen_t length)
{
    int error = refusal(level, name, true);

    if (error == 0)
        error = ask_set_option(fd, id, level, name, value, length);
    /* No relay any more: a socket whose connection has ended takes such options still. */
    return error == ESHUTDOWN ? 0 : error;
}

EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    const int before = errno;
    struct identity id;

    if (level == SOL_SOCKET && is_real_socket_option(name) && value && identity_of(fd, &id))
        return finish(set_real(fd, &id, level, name, value, length), before);
    if (real.setsockopt(fd, level, name, value, length) == 0)
        return 0;
    if (level == SOL_SOCKET || errno != EOPNOTSUPP || !value || !identity_of(fd, &id))
        return -1;
    return finish(set_real(fd, &id, level, name, value, length), before);
}
