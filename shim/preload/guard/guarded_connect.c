#include "preload/guard/guarded_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/descriptor/tcp_use.h"
#include "preload/guard/connect_to.h"
#include "preload/guard/guard.h"
#include "preload/guard/guardable.h"
#include "preload/guard/replaced.h"
#include "preload/guard/tcp_connect.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/process/config.h"
#include "preload/process/verbose.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

/* One call. */
struct call {
    int fd;
    struct sockaddr_storage address; /* where TCP goes; at first what the program asked for */
    socklen_t length;
    struct guard guard;
    int before; /* errno */
    sys_signals
        signals;    /* the program's mask; all signals are blocked except where a comment says otherwise */
    int result;     /* for the program, with errno */
    bool overtaken; /* another thread has connected the socket: there is no result */
};

static bool run(struct call *call, const void *frame, int *result);
static bool is_answered_by_kernel(int fd, int *result);
static int ask_policy(struct call *call, const void *frame);
static void connect_by_kernel(struct call *call);
static bool compose_unguarded(const struct guard *guard, struct library_log_line *line);
static void hand_over_unconnected(struct call *call);
static void connect_and_hand_over(struct call *call);
static bool find_target(struct call *call);
static void let_cancel(struct call *call);
static int connect_copy(struct call *call, bool may_wait);
static void prepare_alternative(struct call *call);
static bool fail_over(struct call *call, int *error);
static bool goes_on(int error);
static bool has_failed(const struct guard *guard, int error, bool waits);
static void show_failure(struct call *call, int error);
static void not_handed_over(struct call *call);
static void give_up_unless_overtaken(struct call *call, int error);
static void give_up(struct call *call, int error);
static void finish(struct call *call, int error);
static void close_for_another(struct call *call);

bool guarded_connect(int fd, const struct sockaddr_storage *address, socklen_t length,
                     const struct wire_address *asked, const void *frame, int *result)
{
    struct call call = {
        .fd = fd,
        .address = *address,
        .length = length,
        .guard = {.fd = fd, .asked = *asked, .started = sys_milliseconds()},
        .before = errno,
        .result = -1,
    };

    return run(&call, frame, result);
}

bool guarded_connect_for(const struct guard_client *client, int fd, const struct sockaddr_storage *address,
                         socklen_t length, const struct wire_address *asked, int *result)
{
    struct call call = {
        .fd = fd,
        .address = *address,
        .length = length,
        .guard = {.fd = fd, .client = client, .asked = *asked, .started = sys_milliseconds()},
        .before = errno,
        .result = -1,
    };

    return run(&call, __builtin_frame_address(0), result);
}

static bool run(struct call *call, const void *frame, int *result)
{
    if (is_answered_by_kernel(call->fd, result))
        return true;
    switch (ask_policy(call, frame)) {
    case DECISION_UNTOUCHED:
        connect_by_kernel(call);
        break;
    case DECISION_GUARD:
        connect_and_hand_over(call);
        break;
    case DECISION_ERROR:
        hand_over_unconnected(call);
        break;
    default:
        break;
    }
    *result = call->result;
    return !call->overtaken;
}

/*
 * If a socket is connected, is connecting, or was refused and has not reported that yet, we must not connect
 * it again: the kernel answers for it. The socket may be free by the time we ask, so we ask with an address
 * that no TCP socket can connect to. __inet_stream_connect() (net/ipv4/af_inet.c) looks at the address of a
 * free socket only, and says EAFNOSUPPORT. A security module may answer by itself, and SMC says EINVAL before
 * it looks at the state; then TCP's own state counts. Another process that shares the socket may have
 * connected a copy in its place (replaced.h).
 */
static bool is_answered_by_kernel(int fd, int *result)
{
    const struct sockaddr_storage nowhere = {.ss_family = AF_UNIX};
    const int before = errno;
    int state = TCP_CLOSE;

    *result = sys_connect(fd, &nowhere, sizeof(struct sockaddr_in6));
    if (*result == 0 || (errno != EAFNOSUPPORT && errno != EINVAL && errno != EACCES && errno != EPERM)) {
        fd_state_forget(fd);
        return true;
    }
    if (errno != EAFNOSUPPORT)
        state = tcp_state(fd);
    if (state == TCP_CLOSE || state < 0)
        state = replaced_state(fd);
    if (state != TCP_CLOSE && state >= 0) {
        errno = state == TCP_SYN_SENT ? EALREADY : EISCONN;
        return true;
    }
    errno = before;
    return false;
}

/* Returns -1 with errno set if nothing can be decided; otherwise leaves signals blocked. */
static int ask_policy(struct call *call, const void *frame)
{
    const struct policy *const policy = config_policy();
    enum decision decision;

    if (!policy)
        return -1;
    fd_state_forget(call->fd);
    call->signals = sys_signals_block();
    call->guard.slot = slot_take(frame);
    if (!call->guard.slot) {
        sys_signals_restore(call->signals);
        return -1;
    }
    decision = guard_decide(&call->guard, policy);
    if (decision != DECISION_UNTOUCHED)
        verbose_note_connection();
    return (int)decision;
}

static void connect_by_kernel(struct call *call)
{
    const struct guard_client *const client = call->guard.client;
    struct library_log_line line;
    const bool logs = compose_unguarded(&call->guard, &line);

    finish(call, 0);
    if (client)
        call->result = client->connect(call->fd, &call->address, call->length);
    else
        call->result =
            note_unguarded(call->fd, real.connect(call->fd, (struct sockaddr *)&call->address, call->length));
    if (logs && (call->result == 0 || goes_on(errno))) {
        library_log_write(&line);
        verbose_note_connection();
    }
}

/*
 * Composes the log's line for a connection to a usual mail port that is left alone, so that nobody takes it
 * for a protected one. The line is written once there is a connection. False if there is nothing to log.
 */
static bool compose_unguarded(const struct guard *guard, struct library_log_line *line)
{
    struct guard_request *const request = &guard->slot->guard;
    struct settings *const settings = &request->settings;
    const enum protocol_kind usual = port_protocol(request->asked_address.port);
    char reason[GUARD_WHY_LIMIT];
    struct strbuf w;

    if (usual == PROTOCOL_AUTO)
        return false;
    if (settings->protocol == PROTOCOL_AUTO)
        settings->protocol = usual;
    strbuf_start(&w, reason, sizeof reason);
    if (settings->rule == policy_built_in) {
        strbuf_add(&w, "loopback, and no block of the policy names it");
    } else {
        strbuf_add(&w, "level none, ");
        strbuf_add(&w, settings->rule);
    }
    library_log_compose(line, request, RESULT_UNGUARDED, sys_milliseconds() - guard->started, reason);
    return true;
}

/*
 * Hands over the socket unconnected if it must not be connected, so that the program reads the reason in the
 * greeting. If the relay cannot tell which protocol the greeting is for, connect() itself fails.
 */
static void hand_over_unconnected(struct call *call)
{
    struct strbuf w;

    if (!guard_acquire(&call->guard)) {
        give_up(call, errno);
    } else if (guard_hand_over(&call->guard, WIRE_CONNECTED)) {
        finish(call, 0);
    } else {
        strbuf_start(&w, call->guard.why, sizeof call->guard.why);
        strbuf_add(&w, call->guard.slot->guard.failure);
        not_handed_over(call);
    }
}

static void connect_and_hand_over(struct call *call)
{
    struct guard *const guard = &call->guard;
    const bool may_wait = !(sys_fcntl(call->fd, F_GETFL, 0) & O_NONBLOCK);
    bool waits, failed;
    int error;

    if (!find_target(call))
        return give_up(call, ENETUNREACH);
    let_cancel(call);
    if (!guard_acquire(guard) || !guard_copy_tcp(guard))
        return give_up_unless_overtaken(call, errno);
    error = connect_copy(call, may_wait);
    prepare_alternative(call);
    waits = may_wait && !guard->client && !real_connect_is_anothers();
    failed = has_failed(guard, error, waits) && !fail_over(call, &error);
    waits = waits && error == EINPROGRESS;
    if (failed) {
        show_failure(call, error);
    } else if (!guard_hand_over(guard, error == 0 ? WIRE_CONNECTED
                                       : waits    ? WIRE_PENDING_REPORTED
                                                  : WIRE_PENDING)) {
        not_handed_over(call);
    } else if (waits) {
        error = tcp_connect_await(guard, &call->signals);
        if (guard->why[0])
            give_up(call, error);
        else
            finish(call, error);
    } else {
        finish(call, error);
    }
}

/* Applies the policy's connect-to to the address. Unblocks signals while it looks up a name. */
static bool find_target(struct call *call)
{
    const struct settings *const settings = &call->guard.slot->guard.settings;
    struct wire_address target;
    struct strbuf w;
    bool found;

    if (!connect_to_changes(settings, call->guard.asked.port))
        return true;
    sys_signals_restore(call->signals);
    found = connect_to_of(settings, call->fd, &call->guard.asked, &target);
    call->signals = sys_signals_block();
    if (found) {
        call->length = address_write(&call->address, &target);
        return true;
    }
    strbuf_start(&w, call->guard.why, sizeof call->guard.why);
    strbuf_add(&w, "cannot look up ");
    strbuf_add(&w, settings->connect_host);
    return false;
}

/* connect(2) is a cancellation point. Nothing below is one until there is something to wait for. */
static void let_cancel(struct call *call)
{
    sys_signals_restore(call->signals);
    io.recv(-1, NULL, 0, 0);
    call->signals = sys_signals_block();
}

static int connect_copy(struct call *call, bool may_wait)
{
    const int tcp = guard_tcp(&call->guard);

    if (!guard_connects_by_another(&call->guard))
        return tcp_connect_begin(tcp, &call->address, call->length, may_wait);
    /* The other preload looks at O_NONBLOCK, and at nothing else of the program's socket. */
    if (may_wait && sys_fcntl(tcp, F_SETFL, 0) != 0)
        return errno;
    return tcp_connect_by_another(&call->guard, &call->address, call->length, &call->signals);
}

/* Interrupted, timed out or nonblocking: the kernel goes on connecting. */
static bool goes_on(int error)
{
    return error == EINPROGRESS || error == EINTR || error == EALREADY;
}

/*
 * True if the connection has failed. If this machine, or one just as near, refuses it, it has failed by now
 * (net/ipv4/af_inet.c), though a nonblocking connect() reports that only later.
 */
static bool has_failed(const struct guard *guard, int error, bool waits)
{
    return error != 0 &&
           (!goes_on(error) || (error == EINPROGRESS && !waits && tcp_state(guard_tcp(guard)) == TCP_CLOSE));
}

static void prepare_alternative(struct call *call)
{
    struct wire_address target;

    if (address_read(&target, &call->address, call->length))
        guard_prepare_alternative(&call->guard, &target);
}

/*
 * TCP has failed at once. True if the connection is pending all the same, because the relay goes on with the
 * alternative. Without a route to the server there would be none for that either.
 */
static bool fail_over(struct call *call, int *error)
{
    struct guard_request *const request = &call->guard.slot->guard;

    if (request->alternative.family == 0 || (*error != ECONNREFUSED && *error != EINPROGRESS))
        return false;
    if (*error == EINPROGRESS)
        *error = sys_option(guard_tcp(&call->guard), SOL_SOCKET, SO_ERROR, ECONNREFUSED);
    request->failed = (uint32_t)(*error != 0 ? *error : ECONNREFUSED);
    *error = EINPROGRESS;
    return true;
}

/*
 * Gives the program the failed socket in place of its own. It reports the failure at once, as TCP does
 * (SO_ERROR, poll(2), the port in getsockname(2)), and no data can pass. If we cannot do that, the program
 * keeps its own socket, and connect() fails at once.
 */
static void show_failure(struct call *call, int error)
{
    if (!guard_show_tcp(&call->guard) && error == EINPROGRESS)
        error = sys_option(guard_tcp(&call->guard), SOL_SOCKET, SO_ERROR, ECONNREFUSED);
    finish(call, error);
}

static void not_handed_over(struct call *call)
{
    guard_cut(&call->guard);
    give_up_unless_overtaken(call, ENETUNREACH);
}

/* This call has connected nothing. If another thread has connected the same socket, that counts. */
static void give_up_unless_overtaken(struct call *call, int error)
{
    struct identity id;

    call->overtaken = identity_of(call->fd, &id);
    if (call->overtaken)
        finish(call, 0);
    else
        give_up(call, error);
}

static void give_up(struct call *call, int error)
{
    guard_log(&call->guard, RESULT_FAILED);
    finish(call, error);
}

static void finish(struct call *call, int error)
{
    if (call->guard.has_copy && guard_connects_by_another(&call->guard))
        close_for_another(call);
    slot_release(call->guard.slot);
    sys_signals_restore(call->signals);
    errno = error == 0 ? call->before : error;
    call->result = error == 0 ? 0 : -1;
}

/* Another preload that has connected the copy remembers its number until it sees the close(2). */
static void close_for_another(struct call *call)
{
    const int tcp = guard_tcp(&call->guard);

    if (tcp < 0)
        return;
    sys_signals_restore(call->signals);
    real.close(tcp);
    call->signals = sys_signals_block();
    fd_state_forget(tcp);
}
