#include "preload/guard/reconnect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "preload/descriptor/switch.h"
#include "preload/guard/pair.h"
#include "preload/guard/taken_mark.h"
#include "preload/guard/tcp_options.h"
#include "preload/relay/relay_query.h"
#include "preload/sys/sys.h"

int reconnect_timeout(int fd)
{
    int64_t wide[2] = {0, 0};
    int32_t narrow[2];
    socklen_t length = sizeof wide;
    int64_t milliseconds;

    if (sys_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, wide, &length) != 0)
        return -1;
    if (length == sizeof narrow) { /* the struct timeval of a 32-bit libc with a 32-bit time_t */
        memcpy(narrow, wide, sizeof narrow);
        wide[0] = narrow[0];
        wide[1] = narrow[1];
    }
    if (wide[0] == 0 && wide[1] == 0)
        return -1;
    milliseconds = wide[0] > INT_MAX / 2000 ? INT_MAX / 2 : wide[0] * 1000 + (wide[1] + 999) / 1000;
    return (int)milliseconds;
}

static bool is_same(int fd, const struct identity *id)
{
    struct identity now;

    return identity_of(fd, &now) && now.cookie == id->cookie;
}

/*
 * Waits for the outcome as a blocking connect() on a connecting TCP socket does. Fails with EALREADY when
 * SO_SNDTIMEO runs out, with EINTR on a signal, and with ECONNABORTED if another thread closes the number or
 * puts another file under it. (Unlike connect(), a handler with SA_RESTART interrupts it too: poll(2) is
 * never restarted.)
 */
static bool wait_for_outcome(int fd, const struct identity *id, struct peer_state *outcome)
{
    const int timeout = reconnect_timeout(fd);
    const int64_t end = sys_milliseconds() + timeout;
    int left = timeout;

    for (;;) {
        struct pollfd set = {.fd = fd, .events = POLLOUT};
        const int ready = sys_poll(&set, 1, left);

        if (ready < 0)
            return false;
        if (!is_same(fd, id)) {
            errno = ECONNABORTED;
            return false;
        }
        *outcome = identity_outcome(fd, id);
        if (outcome->state != OUTCOME_PENDING)
            return true;
        if (timeout >= 0 && (left = (int)(end - sys_milliseconds())) <= 0) {
            errno = EALREADY;
            return false;
        }
    }
}

static bool take_untold(int fd)
{
    const int reported = PAIR_REPORTED;

    return sys_option(fd, SOL_SOCKET, SO_PRIORITY, PAIR_REPORTED) == PAIR_UNREPORTED &&
           sys_setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &reported, sizeof reported) == 0;
}

bool reconnect(int fd, const struct identity *id, int *result)
{
    const int flags = sys_fcntl(fd, F_GETFL, 0);
    struct peer_state outcome = identity_outcome(fd, id);

    *result = -1;
    if (outcome.state == OUTCOME_PENDING) {
        errno = EALREADY;
        if (flags & O_NONBLOCK || !wait_for_outcome(fd, id, &outcome))
            return true;
    }
    if (outcome.state == OUTCOME_CONNECTED) {
        if (take_untold(fd))
            *result = 0;
        else
            errno = EISCONN;
        return true;
    }
    if (take_untold(fd)) {
        /* ECONNABORTED: getsockopt(SO_ERROR) or a read has taken the error already (net/ipv4/af_inet.c). */
        errno = sys_option(fd, SOL_SOCKET, SO_ERROR, 0) != 0 ? outcome.error : ECONNABORTED;
        return true;
    }
    return reconnect_dissolve(fd, id) != 0;
}

/* The relay keeps the TCP socket of a failed attempt for a while, with all its options. */
static int reclaim(int fd, const struct identity *id)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int tcp = -1;

    if (!relay_query_reclaim(fd, id, &tcp))
        return -1;
    tcp = sys_lift(tcp);
    taken_mark_set(tcp, false);
    if (tcp >= 0 && sys_connect(tcp, &nowhere, sizeof nowhere) != 0) {
        sys_close(tcp);
        tcp = -1;
    }
    return tcp;
}

/* Makes a new one, unless the old one may have had an option that decides how its packets are routed. */
static int replace(const struct identity *id)
{
    if (!tcp_options_lost(id->peer.family))
        return sys_lift(sys_socket(id->peer.family, SOCK_STREAM, 0));
    errno = ENETUNREACH;
    return -1;
}

int reconnect_dissolve(int fd, const struct identity *id)
{
    const sys_signals signals = sys_signals_block();
    int tcp = reclaim(fd, id);
    bool good;

    if (tcp < 0)
        tcp = replace(id);
    good = tcp >= 0 && switch_carry(fd, tcp) && switch_all(fd, id->cookie, tcp, tcp);
    const int saved = errno;
    if (tcp >= 0)
        sys_close(tcp);
    sys_signals_restore(signals);
    errno = saved;
    return good ? 0 : -1;
}
