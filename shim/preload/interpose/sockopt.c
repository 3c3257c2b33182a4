/*
 * getsockopt(2) and setsockopt(2). We ask the real socket, which the relay has, except about what the
 * descriptor itself does (timeouts, its pending error). Any other descriptor costs nothing more, except at
 * SOL_SOCKET, where a UNIX socket would answer without an error: there it costs one getsockname(2).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/descriptor/identity.h"
#include "preload/guard/program_end.h"
#include "preload/guard/replaced.h"
#include "preload/guard/tcp_options.h"
#include "preload/interpose/sockopt.h"
#include "preload/libc/real.h"
#include "preload/relay/relay_query.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"
#include "preload/sys/sys.h"

#ifndef TCP_ULP
#    define TCP_ULP 31
#endif
#ifndef TCP_REPAIR
#    define TCP_REPAIR 19
#endif

/* By number (include/uapi/asm-generic/socket.h): libcs know different ones, and renumber two. */
enum {
    OPTION_RCVTIMEO_OLD = 20,
    OPTION_SNDTIMEO_OLD = 21,
    OPTION_PEERNAME = 28,
    OPTION_RXQ_OVFL = 40,
    OPTION_ZEROCOPY = 60,
    OPTION_PEEK_OFF = 42,
    OPTION_LOCK_FILTER = 44,
    OPTION_ATTACH_BPF = 50,
    OPTION_ATTACH_REUSEPORT_EBPF = 52,
    OPTION_COOKIE = 57,
    OPTION_RCVTIMEO_NEW = 66,
    OPTION_SNDTIMEO_NEW = 67,
};

/*
 * SOL_SOCKET options that the descriptor itself has, because its own calls obey them. All others mean the
 * real socket, even the buffer sizes: the pair's own must not be small.
 */
static bool is_own_option(int name)
{
    switch (name) {
    case SO_TYPE:
    case SO_ERROR:
    case SO_RCVLOWAT:
    case OPTION_RCVTIMEO_OLD:
    case OPTION_SNDTIMEO_OLD:
    case OPTION_RCVTIMEO_NEW:
    case OPTION_SNDTIMEO_NEW:
    case SO_ATTACH_FILTER:
    case SO_DETACH_FILTER:
    case OPTION_LOCK_FILTER:
    case OPTION_PEERNAME:
    case OPTION_RXQ_OVFL: /* the mark on the real socket (taken_mark.h); TCP has no use for it */
    case OPTION_PEEK_OFF:
    case SO_DOMAIN:
    case SO_PROTOCOL:
    case OPTION_COOKIE:
        return true;
    default:
        return name >= OPTION_ATTACH_BPF && name <= OPTION_ATTACH_REUSEPORT_EBPF;
    }
}

/* Returns the errno for an option that the library must not pass on, else 0. */
static int refusal(int level, int name, bool setting)
{
    if (level != IPPROTO_TCP && level != IPPROTO_IP && level != IPPROTO_IPV6 && level != SOL_SOCKET)
        return setting ? ENOPROTOOPT : EOPNOTSUPP; /* net/ipv4/ip_sockglue.c */
    if (setting && level == IPPROTO_TCP && name == TCP_ULP)
        return ENOENT; /* a TLS library then encrypts by itself, as without TLS in the kernel */
    if (setting && level == IPPROTO_TCP && name == TCP_REPAIR)
        return EPERM;
    if (setting && level == SOL_SOCKET && name == OPTION_ZEROCOPY)
        return EOPNOTSUPP; /* as if unsupported: nothing would say when a buffer is free again */
    return 0;
}

/* Ends a call: 0 with errno as it was before the call, or -1 with `error`. */
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
 * The relay is gone: answers as a socket does whose connection has ended. Nothing is remembered, so a number
 * is 0; TCP_INFO says TCP_CLOSE.
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

/* Asks the real socket. Returns 0 or the errno of getsockopt(). */
static int get_real(int fd, const struct identity *id, int level, int name, void *value, socklen_t *length)
{
    uint8_t answer[WIRE_VALUE_LIMIT];
    socklen_t room;
    int error = refusal(level, name, false);

    if (error != 0)
        return error;
    if (!memory_read(&room, length, sizeof room))
        return EFAULT;
    if ((int)room < 0)
        return EINVAL;
    if (room > sizeof answer)
        room = sizeof answer;
    error = relay_query_get_option(fd, id, level, name, answer, &room);
    if (error == ESHUTDOWN) {
        copy_dead_value(level, name, answer, &room);
        error = 0;
    }
    if (error == 0 && (!memory_write(value, answer, room) || !memory_write(length, &room, sizeof room)))
        error = EFAULT;
    return error;
}

/*
 * Call this after the real call has succeeded on a TCP socket: another one may be connected in its place
 * (replaced.h).
 */
static void correct_state(int fd, void *value, const socklen_t *length)
{
    uint8_t *const state = value; /* the first member of struct tcp_info */

    if (*length > 0 && *state == TCP_CLOSE)
        *state = (uint8_t)replaced_state(fd);
}

/* Call this after it has succeeded on a UNIX socket: corrects what is not true of a TCP socket. */
static void correct(int fd, int name, void *value, socklen_t *length)
{
    struct sockaddr_storage peer;
    struct identity id;
    int number;

    switch (name) {
    case SO_DOMAIN:
    case SO_ERROR:
        if (*length < sizeof number)
            return;
        memcpy(&number, value, sizeof number);
        if (number != (name == SO_DOMAIN ? AF_UNIX : ECONNRESET) || !identity_of(fd, &id))
            return;
        number = name == SO_DOMAIN ? id.peer.family : program_end_error(fd, number);
        memcpy(value, &number, sizeof number);
        return;
    case SO_PROTOCOL:
        number = IPPROTO_TCP;
        if (identity_of(fd, &id))
            copy_value(&number, sizeof number, value, length);
        return;
    case OPTION_PEERNAME:
        if (identity_of(fd, &id)) {
            const socklen_t size = address_write(&peer, &id.peer);
            copy_value(&peer, size, value, length);
        }
        return;
    default:
        return;
    }
}

bool option_is_descriptors_own(int level, int name)
{
    return level == SOL_SOCKET && is_own_option(name);
}

EXPORTED int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    const int before = errno;
    struct identity id;

    if (level == SOL_SOCKET && !is_own_option(name) && identity_of(fd, &id))
        return finish(get_real(fd, &id, level, name, value, length), before);
    if (real.getsockopt(fd, level, name, value, length) == 0) {
        if (level == SOL_SOCKET)
            correct(fd, name, value, length);
        else if (level == IPPROTO_TCP && name == TCP_INFO)
            correct_state(fd, value, length);
        return finish(0, before);
    }
    /* EOPNOTSUPP is what a UNIX socket says of any other level. */
    if (level == SOL_SOCKET || errno != EOPNOTSUPP || !identity_of(fd, &id))
        return -1;
    return finish(get_real(fd, &id, level, name, value, length), before);
}

static int set_real(int fd, const struct identity *id, int level, int name, const void *value,
                    socklen_t length)
{
    uint8_t copy[WIRE_VALUE_LIMIT];
    int error = refusal(level, name, true);

    if (error != 0)
        return error;
    if ((int)length < 0)
        return EINVAL;
    /* No option that matters in a mail session is longer; the rest of a longer buffer means nothing. */
    if (length > sizeof copy)
        length = sizeof copy;
    if (!memory_read_some(copy, value, length))
        return EFAULT;
    error = relay_query_set_option(fd, id, level, name, copy, length);
    if (error == 0) /* connect() to AF_UNSPEC brings the real socket back */
        tcp_options_note(level, name);
    /* The relay is gone. A socket whose connection has ended still accepts these options. */
    return error == ESHUTDOWN ? 0 : error;
}

EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    const int before = errno;
    struct identity id;

    if (level == SOL_SOCKET && !is_own_option(name) && identity_of(fd, &id))
        return finish(set_real(fd, &id, level, name, value, length), before);
    if (real.setsockopt(fd, level, name, value, length) == 0) {
        tcp_options_note(level, name);
        return 0;
    }
    if (level == SOL_SOCKET || errno != EOPNOTSUPP || !identity_of(fd, &id))
        return -1;
    return finish(set_real(fd, &id, level, name, value, length), before);
}

/* For 32-bit programs with a 64-bit time_t. In libc too they are the same functions. */

EXPORTED int __getsockopt64(int fd, int level, int name, void *restrict value, socklen_t *restrict length);
EXPORTED int __getsockopt64(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    return getsockopt(fd, level, name, value, length);
}

EXPORTED int __setsockopt64(int fd, int level, int name, const void *value, socklen_t length);
EXPORTED int __setsockopt64(int fd, int level, int name, const void *value, socklen_t length)
{
    return setsockopt(fd, level, name, value, length);
}
