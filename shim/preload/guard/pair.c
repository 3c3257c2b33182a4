#include "preload/guard/pair.h"

#include <errno.h>
#include <sys/uio.h>

#include "preload/sys/sys.h"

enum { FILLER_LIMIT = 4 << 20, PAGES = 16 };

/*
 * An unread byte keeps the whole buffer it came in charged to the sender, and a socket is writable while four
 * times the charge fits its SO_SNDBUF. With a small SO_SNDBUF the relay would have to consume the byte that
 * it leaves unread (shim/relay/io/relay_end.h), and for a moment a killed relay would look to the program
 * like an orderly end. On Linux 6.18 with pages of 4 KB the largest buffers are 37120 bytes from a write(2),
 * and 66304 from a sendfile(2) or splice(2) of a file or a pipe that does not pass through this library
 * (which splits them into pieces). Four times 66304 is less than PAIR_SEND_BUFFER, and that is less than the
 * default net.core.wmem_max. A huge buffer would be filled for nothing.
 */
static bool set_send_buffer(int fd)
{
    const int half = PAIR_SEND_BUFFER / 2; /* the kernel doubles it (socket(7)) */

    if (sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half) != 0)
        return false;
    if (sys_option(fd, SOL_SOCKET, SO_SNDBUF, 0) >= PAIR_SEND_BUFFER_LEAST)
        return true;
    errno = ENOBUFS;
    return false;
}

static ssize_t send_zeros(int fd, size_t count)
{
    /* Send one page many times over. The bytes mean nothing; the relay removes as many as we count. */
    static const char zeros[4096];
    struct iovec pages[PAGES];
    struct msghdr header = {.msg_iov = pages};
    int used = 0;

    for (; count > 0 && used < PAGES; used++) {
        const size_t part = count < sizeof zeros ? count : sizeof zeros;

        pages[used] = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = part};
        count -= part;
    }
    header.msg_iovlen = (__typeof__(header.msg_iovlen))used; /* size_t in glibc, int in musl */
    return sys_sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool pair_make(struct slot *slot)
{
    int pair[2];

    slot_drop(slot, SLOT_PROGRAM_END);
    slot_drop(slot, SLOT_RELAY_END);
    slot->filler = 0;
    if (sys_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return false;
    if (!slot_keep(slot, SLOT_PROGRAM_END, pair[0])) {
        sys_close(pair[1]);
        return false;
    }
    if (!slot_keep(slot, SLOT_RELAY_END, pair[1]) || !set_send_buffer(slot->held[SLOT_PROGRAM_END].fd))
        return false;
    /*
     * The seed. When one end closes with a byte unread, the other gets what is queued for it and then
     * ECONNRESET, as from a TCP connection that broke. The same happens when the relay is killed.
     */
    if (send_zeros(slot->held[SLOT_PROGRAM_END].fd, 1) != 1)
        return false;
    slot->filler = 1;
    return true;
}

bool pair_make_pending(struct slot *slot)
{
    /*
     * Each piece is one buffer of 37120 bytes on Linux 6.18, so that the end becomes writable once, when the
     * relay has read all but the last: two of them are more than a quarter of PAIR_SEND_BUFFER. With smaller
     * pieces, epoll(7) would report EPOLLOUT twice to a program that waits for edges.
     */
    enum { LARGE = 9 * 4096 - 512 };
    const int end = slot_descriptor(slot, SLOT_PROGRAM_END);
    const int priority = PAIR_UNREPORTED;
    ssize_t sent;

    while ((sent = send_zeros(end, LARGE)) > 0 && slot->filler < FILLER_LIMIT)
        slot->filler += (uint32_t)sent;
    return sent < 0 && errno == EAGAIN &&
           sys_setsockopt(end, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority) == 0;
}
