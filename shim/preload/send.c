/*
 * sendto(2) and sendmsg(2) with an address: TCP ignores it on a connected socket, a UNIX socket refuses it.
 * And with MSG_FASTOPEN they connect (tcp(7)): that goes the way of connect().
 */
#include <errno.h>
#include <sys/socket.h>

#include "preload/export.h"
#include "preload/identity.h"
#include "preload/real.h"

/*
 * True where the call may go on, its flag taken out of `*flags`: connected now, or no connection that any
 * policy guards was asked for. False with errno, EINPROGRESS among others, as tcp(7) says.
 */
static bool open_fast(int fd, const void *address, socklen_t length, int *flags)
{
    struct sockaddr_storage peer;
    socklen_t room = sizeof peer;

    if (!(*flags & MSG_FASTOPEN) || !address || getpeername(fd, (struct sockaddr *)&peer, &room) == 0)
        return true;
    *flags &= ~MSG_FASTOPEN;
    return connect(fd, address, length) == 0;
}

/* A UNIX stream that is connected says EISCONN to an address, one that is not, EOPNOTSUPP. */
static bool refused_address(int fd, const void *address)
{
    struct identity id;

    return address && (errno == EISCONN || errno == EOPNOTSUPP) && identity_of(fd, &id);
}

EXPORTED ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address,
                        socklen_t length)
{
    ssize_t sent;

    if (!open_fast(fd, address, length, &flags))
        return -1;
    sent = real.sendto(fd, bytes, count, flags, address, length);
    if (sent < 0 && refused_address(fd, address))
        return real.sendto(fd, bytes, count, flags, NULL, 0);
    return sent;
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct msghdr unaddressed;
    ssize_t sent;

    if (message && !open_fast(fd, message->msg_name, message->msg_namelen, &flags))
        return -1;
    sent = real.sendmsg(fd, message, flags);
    if (sent >= 0 || !message || !refused_address(fd, message->msg_name))
        return sent;
    unaddressed = *message;
    unaddressed.msg_name = NULL;
    unaddressed.msg_namelen = 0;
    return real.sendmsg(fd, &unaddressed, flags);
}
