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

static int result_of(int error)
{
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

static int copy_value(const void *from, size_t size, void *value, socklen_t *length)
{
    if (*length > size)
        *length = (socklen_t)size;
    memcpy(value, from, *length);
    return 0;
}

/*
 * No relay any more: what a socket says whose connection has ended. Nothing is remembered, so a number is 0;
 * TCP_INFO says TCP_CLOSE.
 */
static int dead_value(int level, int name, void *value, socklen_t *length)
{
    uint8_t nothing[sizeof(struct tcp_info)] = {0};
    const bool info = level == IPPROTO_TCP && name == TCP_INFO;

    if (info)
        ((struct tcp_info *)(void *)nothing)->tcpi_state = TCP_CLOSE;
    return copy_value(nothing,
                      info                                             ? sizeof nothing
                      : level == SOL_SOCKET && name == SO_LINGER       ? sizeof(struct linger)
                      : level == SOL_SOCKET && name == SO_BINDTODEVICE ? 0
                                                                       : sizeof(int),
                      value, length);
}

static int get_real(int fd, const struct identity *id, int level, int name, void *value, socklen_t *length)
{
    int error = refusal(level, name, false);

    if (error == 0 && (int)*length < 0)
        error = EINVAL;
    if (error == 0)
        error = ask_get_option(fd, id, level, name, value, length);
    if (error == ESHUTDOWN)
        return dead_value(level, name, value, length);
    return result_of(error);
}

/* After the real call has succeeded: what of its answer is not true of a TCP socket. */
static int correct(int fd, int name, void *value, socklen_t *length)
{
    struct ucred nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct identity id;
    struct peer_state outcome;
    int number;

    switch (name) {
    case SO_DOMAIN:
    case SO_ERROR:
        if (*length < sizeof number)
            return 0;
        memcpy(&number, value, sizeof number);
        if (number != (name == SO_DOMAIN ? AF_UNIX : ECONNRESET) || !identity_of(fd, &id))
            return 0;
        outcome = identity_outcome(fd, &id);
        number = name == SO_DOMAIN                 ? id.peer.family
                 : outcome.state == OUTCOME_FAILED ? outcome.error
                                                   : number;
        memcpy(value, &number, sizeof number);
        return 0;
    case SO_PROTOCOL:
        number = IPPROTO_TCP;
        return identity_of(fd, &id) ? copy_value(&number, sizeof number, value, length) : 0;
    case SO_PEERCRED:
        return identity_of(fd, &id) ? copy_value(&nobody, sizeof nobody, value, length) : 0;
    default:
        return 0;
    }
}

EXPORTED int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    struct identity id;
    int result;

    if (level == SOL_SOCKET && is_real_socket_option(name) && value && length && identity_of(fd, &id))
        return get_real(fd, &id, level, name, value, length);
    result = real.getsockopt(fd, level, name, value, length);
    if (result == 0)
        return level == SOL_SOCKET ? correct(fd, name, value, length) : 0;
    /* What a UNIX socket says of any other level. */
    if (level != SOL_SOCKET && errno == EOPNOTSUPP && identity_of(fd, &id))
        return get_real(fd, &id, level, name, value, length);
    return result;
}

static int set_real(int fd, const struct identity *id, int level, int name, const void *value,
                    socklen_t length)
{
    int error = refusal(level, name, true);

    if (error == 0)
        error = ask_set_option(fd, id, level, name, value, length);
    /* No relay any more: a socket whose connection has ended takes such options still. */
    return error == ESHUTDOWN ? 0 : result_of(error);
}

EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    struct identity id;
    int result;

    if (level == SOL_SOCKET && is_real_socket_option(name) && value && identity_of(fd, &id))
        return set_real(fd, &id, level, name, value, length);
    result = real.setsockopt(fd, level, name, value, length);
    if (result != 0 && level != SOL_SOCKET && errno == EOPNOTSUPP && value && identity_of(fd, &id))
        return set_real(fd, &id, level, name, value, length);
    return result;
}
