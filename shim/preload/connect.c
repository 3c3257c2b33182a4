/*
 * connect(2): where the policy guards the destination, the TCP connection goes to the relay and the
 * descriptor becomes one end of a pair of sockets. It tells the truth about TCP; how TLS went, the greeting
 * tells.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "preload/aloof.h"
#include "preload/config.h"
#include "preload/connect.h"
#include "preload/export.h"
#include "preload/guard.h"
#include "preload/identity.h"
#include "preload/io.h"
#include "preload/known.h"
#include "preload/mark.h"
#include "preload/memory.h"
#include "preload/own.h"
#include "preload/real.h"
#include "preload/reconnect.h"
#include "preload/sys.h"
#include "preload/target.h"
#include "preload/tcp_connect.h"
#include "preload/tcp_use.h"
#include "preload/words.h"

/* Of another preload that has a connect(), or of the program, which then has to call ours. */
static bool is_behind;

enum { PROTOCOL_MPTCP = 262 }; /* IPPROTO_MPTCP, Linux 5.6 */

/* One call, and what has become of it: -1 with errno, or 0. */
struct call {
    int fd;
    struct sockaddr_storage address; /* a copy: the policy is asked about what is connected to */
    socklen_t length;
    struct guard guard;
    int before;          /* errno */
    sys_signals signals; /* as the program has them; all are blocked but where it says otherwise */
};

/*
 * Whether the socket's option has one of two values. Where it cannot be asked (a sandbox of the program's own
 * may forbid getsockopt(2)) it is taken to: no connection is left alone because nothing is known of it.
 */
static bool may_be(int fd, int option, int value, int other)
{
    const int found = sys_option(fd, SOL_SOCKET, option, -1);

    return found == value || found == other || (found == -1 && errno != EBADF && errno != ENOTSOCK);
}

/* A TCP socket of that family that has no peer yet. */
static bool is_connectable_tcp(int fd, int family)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;

    return may_be(fd, SO_PROTOCOL, IPPROTO_TCP, PROTOCOL_MPTCP) && may_be(fd, SO_DOMAIN, family, family) &&
           may_be(fd, SO_TYPE, SOCK_STREAM, SOCK_STREAM) && sys_getpeername(fd, &peer, &length) != 0;
}

/*
 * A proxy's preload (proxychains) puts another socket under the number, connected to its proxy: that is the
 * connection then.
 */
static void adopt_replaced(struct guard *guard)
{
    uint64_t cookie;

    if (!sys_cookie(guard->fd, &cookie) || cookie == guard->cookie || !real_connect_is_anothers())
        return;
    guard->cookie = cookie;
    mark_set(guard->fd, true);
}

/*
 * Another preload's connect(), with the program's signals: it may take its time, and put another socket under
 * the number. Returns its errno, or 0.
 */
static int connect_by_another(struct call *call)
{
    int error;

    sys_signals_restore(call->signals);
    error = real.connect(call->fd, (struct sockaddr *)&call->address, call->length) == 0 ? 0 : errno;
    call->signals = sys_signals_block();
    if (error == 0)
        adopt_replaced(&call->guard);
    return error;
}

static int finish(struct call *call, int error)
{
    slot_release(call->guard.slot);
    sys_signals_restore(call->signals);
    errno = error == 0 ? call->before : error;
    return error == 0 ? 0 : -1;
}

static int give_up(struct call *call, int error)
{
    guard_log(&call->guard, LOG_FAILED);
    return finish(call, error);
}

/*
 * What must not be connected is handed over unconnected, so that the program reads in the greeting why. Where
 * the relay cannot tell in which protocol's words, connect() itself fails.
 */
static int refuse(struct call *call)
{
    struct words w;

    if (!guard_acquire(&call->guard))
        return give_up(call, errno);
    if (guard_hand_over(&call->guard, WIRE_CONNECTED))
        return finish(call, 0);
    words_start(&w, call->guard.why, sizeof call->guard.why);
    words_add(&w, call->guard.slot->guard.failure);
    return give_up(call, ENETUNREACH);
}

/* The address as the policy changes it (connect-to); signals are open while a name is looked up. */
static bool find_target(struct call *call)
{
    const struct settings *const settings = &call->guard.slot->guard.settings;
    struct wire_address target;
    struct words w;
    bool found;

    if (!target_changes(settings, call->guard.asked.port))
        return true;
    sys_signals_restore(call->signals);
    found = target_of(settings, call->fd, &call->guard.asked, &target);
    call->signals = sys_signals_block();
    if (found) {
        call->length = address_write(&call->address, &target);
        return true;
    }
    words_start(&w, call->guard.why, sizeof call->guard.why);
    words_add(&w, "cannot look up ");
    words_add(&w, settings->connect_host);
    return false;
}

/* Interrupted, timed out or nonblocking: the kernel goes on connecting. */
static bool goes_on(int error)
{
    return error == EINPROGRESS || error == EINTR || error == EALREADY;
}

/* connect(2) is a point of cancellation; what follows here is none before there is something to wait for. */
static void let_cancel(struct call *call)
{
    sys_signals_restore(call->signals);
    io.recv(-1, NULL, 0, 0);
    call->signals = sys_signals_block();
}

static int connect_guarded(struct call *call)
{
    enum wire_connecting connecting = WIRE_CONNECTED;
    bool waits = false;
    int error;

    if (!find_target(call))
        return give_up(call, ENETUNREACH);
    let_cancel(call);
    if (!guard_acquire(&call->guard))
        return give_up(call, errno);
    error = real_connect_is_anothers() ? connect_by_another(call)
                                       : tcp_connect_begin(call->fd, &call->address, call->length, &waits);
    /*
     * What a machine refuses that is near, as this one itself, is refused by now (net/ipv4/af_inet.c): the
     * socket tells the program so, at once, and nothing can cross it.
     */
    if ((error != 0 && !goes_on(error)) || (error == EINPROGRESS && !waits && tcp_is_closed(call->fd))) {
        mark_set(call->fd, false);
        return finish(call, error);
    }
    if (error != 0)
        connecting = waits ? WIRE_PENDING_TOLD : WIRE_PENDING;
    if (!guard_hand_over(&call->guard, connecting)) {
        guard_cut(&call->guard);
        return give_up(call, ENETUNREACH);
    }
    if (waits)
        error = tcp_connect_await(&call->guard, &call->signals);
    return waits && call->guard.why[0] ? give_up(call, error) : finish(call, error);
}

/*
 * Where the policy has no say: nor has the watch on read and write, unless the greeting may show a protocol
 * that the policy is about.
 */
static int tell_watch(int fd, int result)
{
    const int error = errno;

    if (result == 0 || goes_on(error)) {
        const struct policy *const policy = config_policy();

        if (policy && !policy_may_guard_by_greeting(policy))
            known_set(fd, KNOWN_PLAIN);
        else
            known_forget(fd);
    }
    errno = error;
    return result;
}

static int decide(struct call *call, const void *frame)
{
    const struct policy *const policy = config_policy();

    if (!policy)
        return -1;
    known_forget(call->fd);
    call->signals = sys_signals_block();
    call->guard.slot = slot_take(frame);
    if (!call->guard.slot) {
        sys_signals_restore(call->signals);
        return -1;
    }
    switch (guard_decide(&call->guard, policy)) {
    case DECISION_GUARD:
        return connect_guarded(call);
    case DECISION_UNTOUCHED:
        slot_release(call->guard.slot);
        sys_signals_restore(call->signals);
        errno = call->before;
        return tell_watch(call->fd, real.connect(call->fd, (struct sockaddr *)&call->address, call->length));
    case DECISION_ERROR:
    default:
        return refuse(call);
    }
}

static int connect_inet(int fd, const struct sockaddr_storage *address, socklen_t length,
                        const struct wire_address *asked, const void *frame, int before)
{
    struct call call = {
        .fd = fd,
        .address = *address,
        .length = length,
        .guard = {.fd = fd, .asked = *asked, .started = sys_milliseconds()},
        .before = before,
    };

    if (!is_connectable_tcp(fd, asked->family)) {
        errno = before;
        return real.connect(fd, (const struct sockaddr *)address, length);
    }
    return decide(&call, frame);
}

/* A switched descriptor: a UNIX socket refuses an address of another family with EINVAL. */
static bool was_ours(int fd, struct identity *id)
{
    return errno == EINVAL && identity_of(fd, id);
}

/* Where the policy cannot be loaded now, a TCP socket is not connected; others need not wait for it. */
static bool may_be_guarded(uint16_t port)
{
    const int saved = errno;
    const struct policy *const policy = config_policy();

    errno = saved;
    return !policy || policy_may_guard(policy, port);
}

bool connect_is_guarded(int fd, const struct sockaddr *address, socklen_t length)
{
    const int saved = errno;
    struct sockaddr_storage copy;
    struct wire_address asked;
    const bool guarded = length <= sizeof copy && memory_read(&copy, address, length) &&
                         address_read(&asked, &copy, length) && may_be_guarded(asked.port) &&
                         is_connectable_tcp(fd, asked.family);

    errno = saved;
    return guarded;
}

/* Where no policy guards the destination, the descriptor may still be a switched one. */
static int after_unguarded(int fd, const struct sockaddr *address, socklen_t length, int before, int result)
{
    struct identity id;

    if (result == 0 || !was_ours(fd, &id) || length < sizeof address->sa_family)
        return result;
    if (address->sa_family == AF_UNSPEC)
        result = reconnect_dissolve(fd, &id);
    else if (!reconnect(fd, &id, &result))
        result = real.connect(fd, address, length);
    if (result == 0)
        errno = before;
    return result;
}

static int connect_perhaps_guarded(int fd, const struct sockaddr_storage *address, socklen_t length,
                                   const struct wire_address *asked, const void *frame)
{
    const int before = errno;
    struct identity id;
    int result;

    if (!identity_of(fd, &id) || !reconnect(fd, &id, &result))
        return connect_inet(fd, address, length, asked, frame, before);
    if (result == 0)
        errno = before;
    return result;
}

void connect_start(void)
{
    const void *const first = dlsym(RTLD_DEFAULT, "connect");

    is_behind = first && !own_has(first);
    if (is_behind)
        known_distrust();
}

bool connect_is_behind(void)
{
    return is_behind;
}

/* No policy guards the destination, if it is an address of a kind that one can guard. */
static int connect_unguarded(int fd, const struct sockaddr *address, socklen_t length, bool inet)
{
    const int before = errno;
    int result = real.connect(fd, address, length);

    if (inet)
        result = tell_watch(fd, result);
    return after_unguarded(fd, address, length, before, result);
}

APART static int connect_other(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_storage copy;
    struct wire_address asked;
    bool inet;

    inet = length <= sizeof copy && memory_is_plausible(address) && address_read(&asked, address, length);
    if (is_aloof())
        return real.connect(fd, address, length);
    if (!inet || !may_be_guarded(asked.port))
        return connect_unguarded(fd, address, length, inet);
    /* A copy, so that nobody can change it between the policy's decision and the connection. */
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address, length);
    if (!address_read(&asked, &copy, length))
        return real.connect(fd, (const struct sockaddr *)&copy, length);
    return connect_perhaps_guarded(fd, &copy, length, &asked, __builtin_frame_address(0));
}

/*
 * The address is looked at where it is: asking the kernel whether it can be read would make every connect() a
 * seventh slower. Only what no program can have memory at is left to it.
 */
static inline bool is_left_alone(const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in in; /* IPv6 has its port at the same place */

    if (!memory_is_plausible(address) || length < sizeof in || length > sizeof(struct sockaddr_in6))
        return false;
    memcpy(&in, address, sizeof in);
    return (in.sin_family == AF_INET ||
            (in.sin_family == AF_INET6 && length == sizeof(struct sockaddr_in6))) &&
           config_leaves_alone(ntohs(in.sin_port));
}

APART static int failed_alone(int fd, const struct sockaddr *address, socklen_t length, int before)
{
    return after_unguarded(fd, address, length, before, tell_watch(fd, -1));
}

EXPORTED TOGETHER int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int before;

    if (!is_left_alone(address, length))
        return connect_other(fd, address, length);
    before = errno;
    if (real.connect(fd, address, length) != 0)
        return failed_alone(fd, address, length, before);
    if (!known_is_plain(fd))
        known_set(fd, KNOWN_PLAIN);
    return 0;
}

EXPORTED TOGETHER int __connect(int fd, const struct sockaddr *address, socklen_t length)
    __attribute__((alias("connect")));
