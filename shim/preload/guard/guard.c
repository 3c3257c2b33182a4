#include "preload/guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/descriptor/open_numbers.h"
#include "preload/descriptor/switch.h"
#include "preload/descriptor/tcp_use.h"
#include "preload/guard/connect_to.h"
#include "preload/guard/pair.h"
#include "preload/guard/replaced.h"
#include "preload/guard/taken_mark.h"
#include "preload/guard/tcp_copy.h"
#include "preload/libc/real.h"
#include "preload/names/connection_names.h"
#include "preload/names/gai_requests.h"
#include "preload/process/config.h"
#include "preload/process/library_log.h"
#include "preload/relay/relay_client.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { TRIES = 2 /* how many relays we ask before we give up */ };

static void find_names(const struct guard *guard, const struct wire_address *where);
static const char *explain_loss(const struct guard *guard, const struct policy_query *query);
static void say(struct guard *guard, const char *what, int error);
static int errno_for_program(int error);
static bool may_ask_another(const struct guard *guard, int error);
static bool is_untouched(const struct guard *guard);
static bool find_other_relay(struct guard *guard);
static bool ask_relay(struct guard *guard, enum wire_connecting connecting);
static bool name_end(const struct guard *guard, int end, int tcp);
static bool is_link_local(const struct wire_address *a);

enum decision guard_decide(struct guard *guard, const struct policy *policy)
{
    struct slot *const slot = guard->slot;
    struct guard_request *const request = &slot->guard;
    char user[256];
    struct wire_address where = connect_to_destination(&guard->asked);
    const struct guard_client *const client = guard->client;
    struct policy_query query = {.program = client ? client->program : config_program(),
                                 .uid = client ? client->uid : (uint32_t)geteuid()};
    enum decision decision;

    memset(request, 0, sizeof *request);
    where = address_unmapped(&where);
    find_names(guard, &where);
    query.address = where;
    connection_names_ask(&query, &slot->found);
    query.protocol = guard->shown;
    query.user = config_user(query.uid, user, sizeof user);
    query.user_lost = !query.user;
    query.program_lost = !query.program[0];
    decision = policy_decide(policy, &query, &request->settings);
    if (config_log())
        request->settings.log = config_log();
    request->program = query.program;
    request->pid = client ? client->pid : sys_process();
    request->asked_address = where;
    request->asked = query.hosts;
    if (decision == DECISION_GUARD &&
        !connection_names_settle(policy, &query, &request->settings, &request->asked)) {
        connection_names_explain(&query, client && query.hosts_lost, slot->failure, sizeof slot->failure);
        request->failure = slot->failure;
        return DECISION_ERROR;
    }
    if (decision == DECISION_ERROR) {
        request->failure = policy_first_error(policy);
        if (!request->failure[0])
            request->failure = explain_loss(guard, &query);
    }
    return decision;
}

static void find_names(const struct guard *guard, const struct wire_address *where)
{
    struct names_found *const found = &guard->slot->found;

    if (guard->client) {
        guard->client->find_names(guard->client, where, found);
        return;
    }
    if (!guard->host) {
        names_find(where, found);
        found->lost = found->lost || gai_requests_owe_answers();
        return;
    }
    found->lost = false;
    found->resolves = false;
    found->count = guard->host[0] ? 1 : 0;
    found->exchanger[0] = 0;
    strncpy(found->name[0], guard->host, sizeof found->name[0] - 1);
    found->name[0][sizeof found->name[0] - 1] = '\0';
}

/* Says why the policy, which has no errors, does not allow the connection: what is not known of it. */
static const char *explain_loss(const struct guard *guard, const struct policy_query *query)
{
    struct slot *const slot = guard->slot;

    if (query->user_lost && !query->hosts_lost)
        return "/etc/passwd has no name for the program's user, and a 'match user' in the policy might mean "
               "that user; write the user's number there";
    if (query->program_lost && !query->hosts_lost)
        return "/proc does not show which program this is, and a 'match program' in the policy might mean "
               "it; mount /proc";
    connection_names_explain(query, guard->client && query->hosts_lost, slot->failure, sizeof slot->failure);
    return slot->failure;
}

bool guard_acquire(struct guard *guard)
{
    struct slot *const slot = guard->slot;
    int connection;

    guard->why[0] = '\0';
    if (!sys_cookie(guard->fd, &guard->cookie)) {
        say(guard, "the kernel cannot identify sockets (SO_COOKIE, statx(2))", 0);
        errno = ENETUNREACH;
        return false;
    }
    if (!open_numbers_can_be_had()) {
        say(guard, "cannot find out which descriptors are open: /proc/self/fd cannot be read", errno);
        errno = errno == EMFILE || errno == ENFILE || errno == ENOMEM ? errno : ENETUNREACH;
        return false;
    }
    connection = relay_connect(&slot->relay, guard->started + RELAY_DEADLINE, guard->why, sizeof guard->why);
    if (connection >= 0 && slot_keep(slot, SLOT_REQUEST, connection) && pair_make(slot))
        return true;
    if (!guard->why[0])
        say(guard, "cannot make a pair of sockets", errno);
    errno = errno_for_program(errno);
    return false;
}

static void say(struct guard *guard, const char *what, int error)
{
    struct strbuf w;

    strbuf_start(&w, guard->why, sizeof guard->why);
    strbuf_add(&w, what);
    strbuf_add(&w, error != 0 ? ": " : "");
    if (error == 0)
        return;
    strbuf_error(&w, error);
    if (strbuf_remedy(error)) {
        strbuf_add(&w, "; ");
        strbuf_add(&w, strbuf_remedy(error));
    }
    errno = error;
}

/* The program sees its own shortages only; the log has the rest. */
static int errno_for_program(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ? error : ENETUNREACH;
}

/* A firewall may ask whose socket it is, which is the user of the thread that makes it (net/socket.c). */
static int copy_for(const struct guard *guard, int beside, const char **what)
{
    const long before = guard->client ? sys_call(SYS_setfsuid, guard->client->uid) : -1;
    const int tcp = tcp_copy(guard->fd, beside, guard->asked.family, what);
    const int saved = errno;

    if (guard->client)
        sys_call(SYS_setfsuid, before);
    errno = saved;
    return tcp;
}

bool guard_copy_tcp(struct guard *guard)
{
    const char *what = "";
    struct strbuf w;
    char text[80];
    const int tcp = copy_for(guard, -1, &what);

    guard->has_copy = true;
    if (tcp >= 0 && slot_keep(guard->slot, SLOT_TCP, tcp)) {
        guard->tcp_cookie = guard->slot->held[SLOT_TCP].cookie;
        return true;
    }
    strbuf_start(&w, text, sizeof text);
    strbuf_add(&w, "cannot make a second TCP socket like the program's: ");
    strbuf_add(&w, what);
    say(guard, text, errno);
    errno = errno_for_program(errno);
    return false;
}

void guard_prepare_alternative(struct guard *guard, const struct wire_address *target)
{
    struct guard_request *const request = &guard->slot->guard;
    const uint16_t port = settings_alternative_port(&request->settings, guard->asked.port);
    const char *what;
    int tcp = -1;

    if (port != 0 && !guard_connects_by_another(guard))
        tcp = copy_for(guard, guard_tcp(guard), &what);
    if (tcp < 0 || !slot_keep(guard->slot, SLOT_ALTERNATIVE, tcp))
        return;
    request->alternative = *target;
    request->alternative.port = port;
}

int guard_tcp(const struct guard *guard)
{
    return guard->has_copy ? slot_descriptor(guard->slot, SLOT_TCP) : guard->fd;
}

bool guard_hand_over(struct guard *guard, enum wire_connecting connecting)
{
    struct slot *const slot = guard->slot;
    uint64_t cookie;
    bool good;

    if (!slot_is_mine(slot) || !sys_cookie(guard->fd, &cookie) || cookie != guard->cookie) {
        say(guard, "the program closed or replaced its descriptor meanwhile", 0);
        return false;
    }
    if (!guard->has_copy)
        taken_mark_set(guard->fd, true);
    good = ask_relay(guard, connecting);
    for (int tries = 1; !good && tries < TRIES && may_ask_another(guard, errno); tries++)
        good = find_other_relay(guard) && ask_relay(guard, connecting);
    if (!good && (errno == EPIPE || errno == ECONNRESET))
        say(guard, "the relay (retrotls-relay) has ended", 0);
    if (!good)
        return false;
    slot_drop(slot, SLOT_RELAY_END);
    slot_drop(slot, SLOT_ALTERNATIVE);
    if (connecting != WIRE_PENDING_REPORTED)
        slot_drop(slot, SLOT_REQUEST);
    if (!guard_switch(guard, slot_descriptor(slot, SLOT_PROGRAM_END))) {
        if (errno == EEXIST) /* epoll_ctl(2) */
            say(guard,
                "the program has it in an epoll set already, and the kernel does not show how, which needs "
                "Linux 3.8 and /proc",
                0);
        else
            say(guard, "cannot switch the descriptor", errno);
        return false;
    }
    fd_state_set(guard->fd, FD_STATE_SWITCHED);
    return true;
}

/*
 * True if another relay may be asked after one that ended with this error. A relay that read the request may
 * have begun to speak with the server, and another one could not go on from there. Before Linux 4.1 the
 * kernel does not say what was sent (tcp_use.h). A relay without descriptors has taken nothing over.
 */
static bool may_ask_another(const struct guard *guard, int error)
{
    return error == EMFILE || error == ECONNRESET || (error == EPIPE && is_untouched(guard));
}

/* True if nothing was sent on the TCP socket and nothing that arrived was read. */
static bool is_untouched(const struct guard *guard)
{
    const enum tcp_use use = tcp_use(guard_tcp(guard));

    return use == USE_NONE || use == USE_CONNECTING || use == USE_UNTOUCHED;
}

static bool find_other_relay(struct guard *guard)
{
    struct slot *const slot = guard->slot;
    int connection;

    slot_drop(slot, SLOT_REQUEST);
    connection =
        relay_connect(&slot->relay, sys_milliseconds() + RELAY_DEADLINE, guard->why, sizeof guard->why);
    if (connection < 0)
        return false;
    if (!slot_keep(slot, SLOT_REQUEST, connection) || !pair_make(slot)) {
        say(guard, "cannot make a pair of sockets", errno);
        return false;
    }
    return true;
}

/* Asks the relay once. False with errno set, as relay_ask() does if the relay has ended. */
static bool ask_relay(struct guard *guard, enum wire_connecting connecting)
{
    struct slot *const slot = guard->slot;
    struct guard_request *const request = &slot->guard;
    const int end = slot_descriptor(slot, SLOT_PROGRAM_END);
    const bool has_alternative = request->alternative.family != 0,
               logs = library_log_may_use_stderr(request->settings.log);
    const int alternative = slot_descriptor(slot, SLOT_ALTERNATIVE);
    const int given[WIRE_DESCRIPTORS] = {guard_tcp(guard), slot_descriptor(slot, SLOT_RELAY_END), end,
                                         has_alternative ? alternative : STDERR_FILENO, STDERR_FILENO};
    const int connection = slot_descriptor(slot, SLOT_REQUEST);
    const int64_t now = sys_milliseconds();
    _Alignas(8) uint8_t buffer[1024];
    struct wire_reply reply;
    size_t length;

    if (end < 0 || given[0] < 0 || given[1] < 0 || connection < 0 || given[3] < 0) {
        say(guard, "another part of the program closed retrotls's sockets", 0);
        errno = EBADF;
        return false;
    }
    /* O_ASYNC signals room to write only if there was none since it was set, so fill the pair last. */
    if (!name_end(guard, end, given[0]) || !switch_carry(guard->fd, end)) {
        say(guard, "cannot prepare the pair of sockets", errno);
        return false;
    }
    if (connecting != WIRE_CONNECTED && !pair_make_pending(slot)) {
        say(guard, "cannot fill the pair of sockets", errno);
        return false;
    }
    memcpy(request->token, slot->relay.token, sizeof request->token);
    request->cookie = slot->held[SLOT_PROGRAM_END].cookie;
    request->pending = connecting;
    request->filler = slot->filler;
    request->elapsed = (uint32_t)(now - guard->started);
    length = wire_write_guard(slot->message, request);
    if (length == 0) {
        say(guard, "its settings in the policy are too long", 0);
        errno = EMSGSIZE;
        return false;
    }
    if (!relay_ask(connection, slot->message, length, given, 3U + has_alternative + logs,
                   now + RELAY_DEADLINE, buffer, sizeof buffer, &reply, NULL)) {
        say(guard, "the relay (retrotls-relay) does not answer", errno);
        relay_forget(&slot->relay);
        return false;
    }
    if (reply.error != 0) {
        if (reply.error == EMFILE) /* it is full: the next connections go to another relay */
            relay_forget(&slot->relay);
        say(guard, "the relay refuses", reply.error);
        errno = reply.error;
        return false;
    }
    return true;
}

/* Binds the program's end to a name with the addresses that getpeername() and getsockname() will report. */
static bool name_end(const struct guard *guard, int end, int tcp)
{
    struct sockaddr_storage own;
    struct sockaddr_un name;
    socklen_t length = sizeof own;
    struct identity id = {.peer = connect_to_destination(&guard->asked),
                          .cookie = guard->slot->held[SLOT_PROGRAM_END].cookie};

    if (sys_getsockname(tcp, &own, &length) != 0 || !address_read(&id.local, &own, length))
        return false;
    if (!is_link_local(&id.peer))
        id.peer.scope = 0;
    else if (id.local.scope != 0)
        id.peer.scope = id.local.scope;
    length = identity_write(&name, &id);
    return sys_bind(end, &name, length) == 0;
}

static bool is_link_local(const struct wire_address *a)
{
    return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

void guard_cut(const struct guard *guard)
{
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    const int saved = errno;
    const int tcp = guard_tcp(guard);
    uint64_t cookie;

    if (!guard->has_copy && !(sys_cookie(tcp, &cookie) && cookie == guard->cookie))
        return;
    /*
     * Disconnecting (connect(2)) puts the socket back as it was before connect(), for this process, the relay
     * and all who share it. The program may try its next address with it.
     */
    if (tcp >= 0 && sys_connect(tcp, &nowhere, sizeof nowhere) != 0)
        sys_shutdown(tcp, SHUT_RDWR);
    if (!guard->has_copy)
        taken_mark_set(tcp, false);
    errno = saved;
}

void guard_log(const struct guard *guard, enum log_result result)
{
    library_log_connection(&guard->slot->guard, result, sys_milliseconds() - guard->started, guard->why);
}
