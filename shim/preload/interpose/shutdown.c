/*
 * shutdown(2). On a connection that is still pending or has ended, TCP behaves differently from a UNIX socket
 * (net/ipv4/af_inet.c, inet_shutdown()). Any other descriptor costs one more getsockname(2).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "preload/descriptor/identity.h"
#include "preload/guard/reconnect.h"
#include "preload/libc/real.h"
#include "preload/relay/relay_query.h"
#include "preload/sys/export.h"
#include "preload/sys/sys.h"

/*
 * True if TCP has nothing left to shut down. That needs both directions of the pair to be shut down. Then we
 * ask the relay, since the program may have shut down both by itself.
 */
static bool is_closed(int fd, const struct identity *id)
{
    struct pollfd polled = {.fd = fd};
    struct tcp_info info = {.tcpi_state = TCP_CLOSE};
    socklen_t length = offsetof(struct tcp_info, tcpi_options);

    if (sys_poll(&polled, 1, 0) <= 0 || !(polled.revents & POLLHUP))
        return false;
    return relay_query_get_option(fd, id, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
           info.tcpi_state == TCP_CLOSE;
}

static int not_connected(int fd, int how)
{
    real.shutdown(fd, how);
    errno = ENOTCONN;
    return -1;
}

EXPORTED int shutdown(int fd, int how)
{
    const int before = errno;
    struct identity id;

    if (how < SHUT_RD || how > SHUT_RDWR || !identity_of(fd, &id))
        return real.shutdown(fd, how);
    switch (identity_outcome(fd, &id).state) {
    case OUTCOME_PENDING: /* call it off, as connect() to AF_UNSPEC does */
        if (reconnect_dissolve(fd, &id) != 0)
            return -1;
        errno = before;
        return 0;
    case OUTCOME_FAILED:
        return not_connected(fd, how);
    case OUTCOME_CONNECTED:
    default:
        return is_closed(fd, &id) ? not_connected(fd, how) : real.shutdown(fd, how);
    }
}
