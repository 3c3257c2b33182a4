#include "preload/guard/tcp_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/descriptor/switch.h"
#include "preload/guard/pair.h"
#include "preload/guard/reconnect.h"
#include "preload/guard/tcp_options.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/sys/strbuf.h"

enum {
    OUTCOME_SIZE = 256, /* bytes; the relay's message is shorter */
    PATIENCE = 1000,    /* milliseconds to wait for another thread to finish */
};

static int begin(int tcp, const struct sockaddr_storage *address, socklen_t length)
{
    return sys_connect(tcp, address, length) == 0 ? 0 : errno;
}

int tcp_connect_begin(int tcp, const struct sockaddr_storage *address, socklen_t length, bool may_wait)
{
    int error = begin(tcp, address, length);

    /* A server on this machine has answered by now; a second call returns its answer (net/ipv4/af_inet.c). */
    if (may_wait && error == EINPROGRESS)
        error = begin(tcp, address, length);
    return error == EALREADY ? EINPROGRESS : error;
}

int tcp_connect_by_another(struct guard *guard, const struct sockaddr_storage *address, socklen_t length,
                           sys_signals *signals)
{
    const int tcp = guard_tcp(guard);
    uint64_t cookie;
    int error;

    fd_state_set(tcp, FD_STATE_PLAIN);
    sys_signals_restore(*signals);
    error = real.connect(tcp, (const struct sockaddr *)address, length) == 0 ? 0 : errno;
    *signals = sys_signals_block();
    if (error == 0 && sys_cookie(tcp, &cookie) && sys_fcntl(tcp, F_SETFD, FD_CLOEXEC) == 0) {
        slot_renew(guard->slot, SLOT_TCP, cookie);
        guard->tcp_cookie = cookie;
    }
    return error;
}

/* Makes the request wait as long as connect(2) would. Both timeouts are the same struct timeval. */
static bool prepare_to_wait(int fd, int connection)
{
    return connection >= 0 && sys_fcntl(connection, F_SETFL, 0) == 0 &&
           switch_carry_timeout(fd, SO_SNDTIMEO, connection, SO_RCVTIMEO);
}

/* True if the number is still the program's end: a handler or another thread may have closed it. */
static bool is_unchanged(const struct guard *guard, struct identity *id)
{
    return identity_of(guard->fd, id) && id->cookie == guard->slot->guard.cookie;
}

static void take_untold(int fd)
{
    const int reported = PAIR_REPORTED;

    sys_setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &reported, sizeof reported);
}

/*
 * Another thread has called the connection off, by shutdown() or connect() to AF_UNSPEC, and switches the
 * numbers back. The error is that of net/ipv4/tcp.c, tcp_disconnect(), and is reported once.
 */
static int called_off(struct guard *guard)
{
    struct identity id;
    uint64_t cookie;

    for (int waited = 0; waited < PATIENCE && is_unchanged(guard, &id); waited++)
        sys_pause(1);
    if (sys_cookie(guard->fd, &cookie) && cookie == guard->tcp_cookie)
        sys_option(guard->fd, SOL_SOCKET, SO_ERROR, 0);
    return ECONNRESET;
}

static int end_wait(struct guard *guard, ssize_t got, int error, const uint8_t *message)
{
    const bool interrupted = got < 0;
    struct wire_reply outcome = {.error = 0};
    struct identity id;
    struct strbuf w;
    const char *lost;
    bool good;

    if (interrupted)
        return error == EAGAIN ? EINPROGRESS : EINTR;
    if (got > 0 && wire_read_reply(&outcome, message, (size_t)got)) {
        if (outcome.error == ECANCELED)
            return called_off(guard);
        if (is_unchanged(guard, &id)) {
            take_untold(guard->fd);
            if (outcome.error != 0)
                reconnect_dissolve(guard->fd, &id);
        }
        return outcome.error;
    }
    if (!is_unchanged(guard, &id)) /* closed, by another thread */
        return ECONNABORTED;
    take_untold(guard->fd); /* this call reports that the relay has ended */
    good = reconnect_dissolve(guard->fd, &id) == 0;
    lost = good ? NULL : tcp_options_lost(id.peer.family);
    strbuf_start(&w, guard->why, sizeof guard->why);
    strbuf_add(&w, "the relay (retrotls-relay) has ended");
    if (lost) {
        strbuf_add(&w, ", and with it the socket that had ");
        strbuf_add(&w, lost);
        strbuf_add(&w, "; the program has to make a new one");
    }
    return ENETUNREACH;
}

int tcp_connect_await(struct guard *guard, sys_signals *signals)
{
    const int connection = slot_descriptor(guard->slot, SLOT_REQUEST);
    _Alignas(8) uint8_t message[OUTCOME_SIZE];
    bool interrupted;
    ssize_t got;
    int error;

    guard->why[0] = '\0';
    /* Close our copy: the pair must end when the program closes its numbers, wherever this call is left. */
    slot_drop(guard->slot, SLOT_PROGRAM_END);
    if (!prepare_to_wait(guard->fd, connection))
        return EINTR;
    /* A signal that came while we asked the relay ends the call, like one that comes from now on. */
    interrupted = sys_signals_interrupt(*signals);
    sys_signals_restore(*signals);
    /*
     * recv(2) is interrupted, restarted and timed out just as connect(2) is (both use the kernel's
     * sock_intr_errno()), and is a cancellation point too. SO_SNDTIMEO counts from here: beginning took no
     * time.
     */
    got = io.recv(interrupted ? -1 : connection, message, sizeof message, 0);
    error = interrupted ? EINTR : errno;
    *signals = sys_signals_block();
    return end_wait(guard, got, error, message);
}
