/*
 * recv(2) and its kin. On a switched descriptor we ask the kernel for what TCP would do: return no sender's
 * address, discard with MSG_TRUNC (tcp(7)), have nothing in the error queue.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload/adopt/first_use.h"
#include "preload/descriptor/identity.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

/* musl declares the flags of recvmmsg(2) as unsigned, and its CMSG_NXTHDR() mixes signs. */
#ifdef __GLIBC__
typedef int mmsg_flags;
#else
typedef unsigned mmsg_flags;
#    pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

/* Discarded bytes go here, from any thread: nobody reads them. */
static char nowhere[65536];

/* Flags that mean something else to TCP. */
static bool is_special(int flags)
{
    return (flags & (MSG_TRUNC | MSG_ERRQUEUE)) != 0;
}

static bool is_end(int fd)
{
    struct identity id;

    return identity_of(fd, &id);
}

static ssize_t discard(int fd, size_t size, int flags)
{
    const int before = errno;
    size_t done = 0;
    ssize_t got;

    flags &= ~MSG_TRUNC;
    do {
        const size_t left = size - done;

        got = io.recv(fd, nowhere, left < sizeof nowhere ? left : sizeof nowhere, flags);
        if (got > 0)
            done += (size_t)got;
        if (!(flags & MSG_WAITALL))
            flags |= MSG_DONTWAIT;
    } while (got == sizeof nowhere && done < size && !(flags & MSG_PEEK));
    if (done == 0)
        return program_end_received(fd, got);
    errno = before;
    return (ssize_t)done;
}

static ssize_t receive(int fd, void *buffer, size_t size, int flags)
{
    if (!is_special(flags) || !is_end(fd))
        return program_end_received(fd, io.recv(fd, buffer, size, flags));
    if (flags & MSG_TRUNC && !(flags & MSG_ERRQUEUE))
        return discard(fd, size, flags);
    errno = EAGAIN;
    return -1;
}

static APART ssize_t watched_recv(int fd, void *buffer, size_t size, int flags)
{
    switch (first_use(fd, FIRST_USE_READ, flags)) {
    case FIRST_USE_PLAIN:
    case FIRST_USE_PROXY:
        return io.recv(fd, buffer, size, flags);
    case FIRST_USE_SWITCHED:
        return receive(fd, buffer, size, flags);
    default:
        return -1;
    }
}

EXPORTED ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    return fd_state_is_plain(fd) ? io.recv(fd, buffer, size, flags) : watched_recv(fd, buffer, size, flags);
}

EXPORTED ssize_t recvfrom(int fd, void *restrict buffer, size_t size, int flags,
                          struct sockaddr *restrict address, socklen_t *restrict length)
{
    ssize_t got;

    if (fd_state_is_plain(fd))
        return io.recvfrom(fd, buffer, size, flags, address, length);
    switch (first_use(fd, FIRST_USE_READ, flags)) {
    case FIRST_USE_PLAIN:
    case FIRST_USE_PROXY:
        return io.recvfrom(fd, buffer, size, flags, address, length);
    case FIRST_USE_SWITCHED:
        if (address && !is_end(fd))
            return io.recvfrom(fd, buffer, size, flags, address, length);
        got = receive(fd, buffer, size, flags);
        if (got >= 0 && address && length)
            *length = 0; /* TCP reports no sender */
        return got;
    default:
        return -1;
    }
}

/* glibc's, for programs built with _FORTIFY_SOURCE: these end the program if `size` is more than `room`. */
EXPORTED ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
EXPORTED ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
    if (size > room && (io_ready(), io.recv_chk))
        return io.recv_chk(fd, buffer, size, room, flags);
    return recv(fd, buffer, size, flags);
}

EXPORTED ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t room, int flags,
                                struct sockaddr *restrict address, socklen_t *restrict length);
EXPORTED ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t room, int flags,
                                struct sockaddr *restrict address, socklen_t *restrict length)
{
    if (size > room && (io_ready(), io.recvfrom_chk))
        return io.recvfrom_chk(fd, buffer, size, room, flags, address, length);
    return recvfrom(fd, buffer, size, flags, address, length);
}

/* Looks at the descriptors that came with a message. */
static void look_at_received(const struct msghdr *message)
{
    struct msghdr copy = *message;

    if (!copy.msg_control || copy.msg_controllen < CMSG_LEN(sizeof(int)))
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&copy); c; c = CMSG_NXTHDR(&copy, c)) {
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            first_use_received(fd);
        }
    }
}

static size_t room_of(const struct msghdr *message)
{
    size_t room = 0;

    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
        room += message->msg_iov[i].iov_len;
    return room;
}

static ssize_t receive_message(int fd, struct msghdr *message, int flags)
{
    struct msghdr unnamed;
    ssize_t got;

    if (flags & MSG_ERRQUEUE) {
        errno = EAGAIN;
        return -1;
    }
    unnamed = *message;
    unnamed.msg_name = NULL;
    unnamed.msg_namelen = 0;
    if (flags & MSG_TRUNC) {
        got = discard(fd, room_of(message), flags);
        unnamed.msg_controllen = 0;
        unnamed.msg_flags = 0;
    } else {
        got = program_end_received(fd, io.recvmsg(fd, &unnamed, flags));
    }
    if (got >= 0) {
        message->msg_controllen = unnamed.msg_controllen;
        message->msg_flags = unnamed.msg_flags;
        message->msg_namelen = 0;
    }
    return got;
}

/* `real` is the libc function to call. */
static ssize_t receive_one(int fd, struct msghdr *message, int flags,
                           ssize_t (*real)(int, struct msghdr *, int))
{
    ssize_t got;

    if (!fd_state_is_plain(fd)) {
        const enum first_use watched = first_use(fd, FIRST_USE_READ, flags);

        if (watched == FIRST_USE_REFUSED)
            return -1;
        if (watched == FIRST_USE_SWITCHED && memory_is_plausible(message) && is_end(fd))
            return receive_message(fd, message, flags);
    }
    got = real(fd, message, flags);
    if (got >= 0)
        look_at_received(message);
    return got;
}

EXPORTED ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return receive_one(fd, message, flags, io.recvmsg);
}

/* For 32-bit programs with a 64-bit time_t: leaves the times in the message as the kernel wrote them. */
EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *message, int flags);
EXPORTED ssize_t __recvmsg64(int fd, struct msghdr *message, int flags)
{
    return receive_one(fd, message, flags, io.recvmsg64);
}

/*
 * Receives the messages of a switched descriptor one after the other. Ignores the timeout: it counts only
 * between two messages, too late to be of use to anybody (recvmmsg(2), BUGS).
 */
static int receive_messages(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    const int before = errno;
    unsigned done = 0;

    for (; done < count; done++) {
        const ssize_t got = receive_message(fd, &messages[done].msg_hdr, flags & ~MSG_WAITFORONE);

        if (got < 0)
            break;
        messages[done].msg_len = (unsigned)got;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    if (done == 0 && count > 0)
        return -1;
    errno = before;
    return (int)done;
}

/* Returns false if libc's must do it. */
static bool receives_messages(int fd, struct mmsghdr *messages, unsigned count, int flags, int *received)
{
    enum first_use watched;

    io_ready();
    if (fd_state_is_plain(fd))
        return false;
    watched = first_use(fd, FIRST_USE_READ, flags);
    if (watched == FIRST_USE_REFUSED)
        *received = -1;
    else if (watched == FIRST_USE_SWITCHED && memory_is_plausible(messages) && is_end(fd))
        *received = receive_messages(fd, messages, count, flags);
    else
        return false;
    return true;
}

static int look_at_all(const struct mmsghdr *messages, int got)
{
    for (int i = 0; i < got; i++)
        look_at_received(&messages[i].msg_hdr);
    return got;
}

EXPORTED int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, mmsg_flags raw_flags,
                      struct timespec *timeout)
{
    const int flags = (int)raw_flags;
    int received;

    if (receives_messages(fd, messages, count, flags, &received))
        return received;
    if (io.recvmmsg) /* glibc 2.12 */
        return look_at_all(messages, io.recvmmsg(fd, messages, count, flags, timeout));
    errno = ENOSYS;
    return -1;
}

/* For 32-bit programs with a 64-bit time_t. */
EXPORTED int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout);
EXPORTED int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout)
{
    int received;

    if (receives_messages(fd, messages, count, flags, &received))
        return received;
    if (io.recvmmsg64)
        return look_at_all(messages, io.recvmmsg64(fd, messages, count, flags, timeout));
    errno = ENOSYS;
    return -1;
}
