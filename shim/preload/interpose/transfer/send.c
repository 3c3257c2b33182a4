/*
 * send(2) and its kin. On a connected socket TCP ignores an address, and a UNIX socket refuses it. With
 * MSG_FASTOPEN these calls connect (tcp(7)), so they go the way of connect().
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/adopt/first_use.h"
#include "preload/adopt/proxied.h"
#include "preload/descriptor/identity.h"
#include "preload/guard/guardable.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/names/names.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

/*
 * For MSG_FASTOPEN. Returns false if the call ends here, with errno set (EINPROGRESS, for example). Otherwise
 * the call goes on with `*flags`: without MSG_FASTOPEN if the socket is connected now, unchanged if no policy
 * guards the destination.
 */
static bool open_fast(int fd, const struct sockaddr *address, socklen_t length, int *flags)
{
    struct identity id;

    if (identity_of(fd, &id)) {
        if (!address)
            errno = EISCONN; /* net/ipv4/af_inet.c, __inet_stream_connect() */
    } else if (!guardable(fd, address, length)) {
        return true;
    }
    if (!address || connect(fd, address, length) != 0)
        return false;
    *flags &= ~MSG_FASTOPEN;
    return true;
}

/* Given an address, a UNIX stream says EISCONN if it is connected and EOPNOTSUPP if not. */
static bool refused_address(int fd)
{
    struct identity id;

    return (errno == EISCONN || errno == EOPNOTSUPP) && identity_of(fd, &id);
}

/* Where a datagram goes. We read the address in place, as connect() does. */
static inline void note_destination(const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in in; /* IPv6 has its port at the same place */

    if (!address || length < sizeof in || !memory_is_plausible(address))
        return;
    memcpy(&in, address, sizeof in);
    if ((in.sin_family == AF_INET || in.sin_family == AF_INET6) && names_is_port_of_dns(ntohs(in.sin_port)))
        names_note_port(ntohs(in.sin_port));
}

static inline void note_message(const struct msghdr *message)
{
    if (memory_is_plausible(message))
        note_destination(message->msg_name, message->msg_namelen);
}

static APART ssize_t watched_send(int fd, const void *bytes, size_t count, int flags)
{
    if (flags & MSG_FASTOPEN && !open_fast(fd, NULL, 0, &flags))
        return -1;
    switch (first_use(fd, FIRST_USE_WRITE, flags)) {
    case FIRST_USE_PLAIN:
        return io.send(fd, bytes, count, flags);
    case FIRST_USE_SWITCHED:
        return program_end_send(fd, bytes, count, flags);
    case FIRST_USE_PROXY:
        return proxied_may_write(fd, bytes, count) ? io.send(fd, bytes, count, flags) : -1;
    default:
        return -1;
    }
}

EXPORTED ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    if (fd_state_is_plain(fd) && !(flags & MSG_FASTOPEN))
        return io.send(fd, bytes, count, flags);
    return watched_send(fd, bytes, count, flags);
}

EXPORTED ssize_t __send(int fd, const void *bytes, size_t count, int flags) __attribute__((alias("send")));

EXPORTED ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address,
                        socklen_t length)
{
    const int before = errno;
    ssize_t sent;

    note_destination(address, length);
    if (flags & MSG_FASTOPEN && !open_fast(fd, address, length, &flags))
        return -1;
    if (!fd_state_is_plain(fd)) {
        const enum first_use watched = first_use(fd, FIRST_USE_WRITE, flags);

        if (watched == FIRST_USE_REFUSED)
            return -1;
        if (watched == FIRST_USE_SWITCHED && !address)
            return program_end_send(fd, bytes, count, flags);
        if (watched == FIRST_USE_PROXY && !proxied_may_write(fd, bytes, count))
            return -1;
    }
    sent = real.sendto(fd, bytes, count, flags, address, length);
    if (sent < 0 && address && refused_address(fd)) {
        errno = before;
        return program_end_send(fd, bytes, count, flags);
    }
    return sent;
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    const int before = errno;
    struct msghdr copy;
    ssize_t sent;

    note_message(message);
    if (flags & MSG_FASTOPEN) {
        if (!memory_read(&copy, message, sizeof copy)) {
            errno = EFAULT;
            return -1;
        }
        if (!open_fast(fd, copy.msg_name, copy.msg_namelen, &flags))
            return -1;
    }
    if (!fd_state_is_plain(fd)) {
        const enum first_use watched = first_use(fd, FIRST_USE_WRITE, flags);

        if (watched == FIRST_USE_REFUSED ||
            (watched == FIRST_USE_PROXY && memory_is_plausible(message) &&
             !proxied_may_write_pieces(fd, message->msg_iov, (size_t)message->msg_iovlen)))
            return -1;
        sent = watched == FIRST_USE_SWITCHED ? program_end_sendmsg(fd, message, flags)
                                             : real.sendmsg(fd, message, flags);
    } else {
        sent = real.sendmsg(fd, message, flags);
    }
    if (sent >= 0 || !refused_address(fd) || !memory_read(&copy, message, sizeof copy) || !copy.msg_name)
        return sent;
    copy.msg_name = NULL;
    copy.msg_namelen = 0;
    errno = before;
    return program_end_sendmsg(fd, &copy, flags);
}

/* After a message that was sent only in part, the next one would land in the middle of it. */
static bool is_whole(const struct msghdr *message, ssize_t sent)
{
    size_t length = 0;

    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
        length += message->msg_iov[i].iov_len;
    return (size_t)sent == length;
}

/*
 * Sends each message with sendmsg(), up to the first that fails or is sent in part (net/socket.c,
 * __sys_sendmmsg()). On any other descriptor makes the kernel's own call.
 */
EXPORTED int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, sendmmsg_flags flags)
{
    const int before = errno;
    const enum first_use watched =
        fd_state_is_plain(fd) ? FIRST_USE_PLAIN : first_use(fd, FIRST_USE_WRITE, (int)flags);
    unsigned done = 0;

    for (unsigned i = 0; i < count && memory_is_plausible(messages); i++)
        note_message(&messages[i].msg_hdr);
    if (watched == FIRST_USE_REFUSED)
        return -1;
    if (watched == FIRST_USE_PLAIN && !((int)flags & MSG_FASTOPEN)) {
        const int sent = real.sendmmsg(fd, messages, count, flags);

        if (sent >= 0 || !refused_address(fd))
            return sent;
        errno = before;
    }
    for (; done < count; done++) {
        const ssize_t n = sendmsg(fd, &messages[done].msg_hdr, (int)flags);

        if (n < 0)
            break;
        messages[done].msg_len = (unsigned)n;
        if (!is_whole(&messages[done].msg_hdr, n)) {
            done++;
            break;
        }
    }
    if (done == 0 && count > 0)
        return -1;
    errno = before;
    return (int)done;
}

/* For 32-bit programs with a 64-bit time_t. In libc too they are the same functions. */
EXPORTED ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags)
    __attribute__((alias("sendmsg")));
EXPORTED int __sendmmsg64(int fd, struct mmsghdr *messages, unsigned count, sendmmsg_flags flags)
    __attribute__((alias("sendmmsg")));
