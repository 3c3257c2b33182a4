#include "preload/descriptor/tcp_use.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "preload/sys/sys.h"

_Static_assert(offsetof(struct tcp_counts, bytes_acked) == 120, "tcp_info, Linux 4.1");
_Static_assert(offsetof(struct tcp_counts, data_segs_out) == 156, "tcp_info, Linux 4.6");
_Static_assert(offsetof(struct tcp_counts, bytes_sent) == 200, "tcp_info, Linux 4.19");

enum { TRIES = 8 };

/* True if the kernel has filled in this field. */
#define HAS(field) (length >= offsetof(struct tcp_counts, field) + sizeof counts->field)

/* True if the program has written something, acknowledged or not. */
static bool has_sent(const struct tcp_counts *counts, size_t length, uint32_t unacked)
{
    /* bytes_acked counts the SYN, which is all that an untouched connection has sent. */
    return unacked > 0 || counts->bytes_acked > 1 || (HAS(bytes_sent) && counts->bytes_sent > 0) ||
           (HAS(notsent_bytes) && counts->notsent_bytes > 0) ||
           (HAS(data_segs_out) && counts->data_segs_out > 0);
}

/* True if all acknowledged bytes were written by the program, so that none of them was a SYN. */
static bool is_accepted(const struct tcp_counts *counts, size_t length, uint32_t unacked)
{
    if (!has_sent(counts, length, unacked))
        return counts->bytes_acked == 0;
    return HAS(bytes_retrans) && counts->bytes_sent + counts->notsent_bytes ==
                                     counts->bytes_acked + counts->bytes_retrans + unacked;
}

enum tcp_use tcp_use_of(const struct tcp_counts *counts, size_t length, uint32_t unread, uint32_t unacked)
{
    const unsigned state = counts->state;
    const bool finished = state == TCP_CLOSE_WAIT; /* the peer has */

    if (length == 0)
        return USE_TOUCHED;
    if (state == TCP_SYN_SENT)
        return USE_CONNECTING;
    if (state == TCP_CLOSE || state == TCP_LISTEN || state == TCP_TIME_WAIT)
        return USE_NONE;
    if (state == TCP_SYN_RECV)
        return USE_ACCEPTED;
    if (!HAS(bytes_received) || (state != TCP_ESTABLISHED && !finished))
        return USE_TOUCHED;
    if (is_accepted(counts, length, unacked))
        return USE_ACCEPTED;
    if (has_sent(counts, length, unacked) || counts->bytes_received - (finished ? 1 : 0) != unread)
        return USE_TOUCHED;
    return USE_UNTOUCHED;
}

static bool read_queues(int fd, uint32_t *unread, uint32_t *unacked)
{
    return sys_ioctl(fd, FIONREAD, unread) == 0 && sys_ioctl(fd, TIOCOUTQ, unacked) == 0;
}

enum tcp_use tcp_use(int fd)
{
    const int saved = errno;
    struct tcp_counts counts;
    uint32_t unread = 0, unacked = 0, unread_after = 0, unacked_after = 0;
    socklen_t length = 0;
    enum tcp_use use = USE_NONE;

    /* The counters may change while we read them. If the queues stay the same, all values belong together. */
    for (int i = 0; i < TRIES; i++) {
        memset(&counts, 0, sizeof counts);
        length = sizeof counts;
        read_queues(fd, &unread, &unacked);
        if (sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &counts, &length) != 0)
            length = 0;
        use = tcp_use_of(&counts, length, unread, unacked);
        if (!read_queues(fd, &unread_after, &unacked_after) ||
            (unread == unread_after && unacked == unacked_after))
            break;
        if (use == USE_ACCEPTED)
            use = USE_TOUCHED;
    }
    errno = saved;
    return use;
}

int tcp_state(int fd)
{
    const int saved = errno;
    uint8_t state = 0; /* the first field of struct tcp_info */
    socklen_t length = sizeof state;
    const bool known =
        sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0 && length == sizeof state;

    errno = saved;
    return known ? state : -1;
}
