#include "supervise/served_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "policy/address.h"
#include "preload/descriptor/identity.h"
#include "preload/guard/guardable.h"
#include "preload/guard/guarded_connect.h"
#include "preload/guard/pair.h"
#include "preload/guard/reconnect.h"
#include "preload/names/lineage.h"
#include "preload/names/names.h"
#include "preload/sys/sys.h"
#include "supervise/askers.h"
#include "supervise/dns/forwarder_link.h"
#include "supervise/dns/hosts_file.h"
#include "supervise/last_answers.h"
#include "supervise/mirror.h"
#include "supervise/plain_connect.h"

enum {
    SOCKETS = 64,    /* locks; two sockets share one if their cookies are equal modulo this */
    PATIENCE = 1000, /* milliseconds to wait for another thread to finish */
    TRIES = 100,     /* attempts to lock a socket whose number other threads change */
};

/* Only one call at a time connects a socket. Held until the program's numbers are switched. */
static pthread_mutex_t locks[SOCKETS] = {[0 ... SOCKETS - 1] = PTHREAD_MUTEX_INITIALIZER};

struct connecting {
    struct guard_client client; /* passed to find_names(), which casts it back */
    struct lineage asker;
    struct call *call;
    struct mirror mirror;
    int fd; /* the program's number, and ours */
    bool blocks;
    pthread_mutex_t *lock;
    char program[PATH_MAX];
};

static bool is_answered_again(struct connecting *c);
static void connect_switched(struct connecting *c, const struct identity *id);
static void connect_socket(struct connecting *c);
static int connect_plainly(int fd, const struct sockaddr_storage *address, socklen_t length);
static void finish(struct connecting *c, int error);
static void await(struct connecting *c, const struct identity *id, int otherwise);
static void report(struct connecting *c, const struct identity *id, const struct peer_state *outcome);

static void unlock(struct connecting *c)
{
    pthread_mutex_unlock(c->lock);
    c->lock = NULL;
}

/*
 * Locks the socket under the number. While we waited, another thread may have connected it; then the number
 * is switched now. Returns false with errno set.
 */
static bool lock_socket(struct connecting *c)
{
    struct call *const call = c->call;

    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t cookie, now;
        int fd;

        if (!sys_cookie(call->fd, &cookie))
            return false;
        c->lock = &locks[cookie % SOCKETS];
        pthread_mutex_lock(c->lock);
        fd = client_descriptor(&call->client, c->fd);
        if (fd >= 0) {
            sys_close(call->fd);
            call->fd = fd;
            if (sys_cookie(fd, &now) && now == cookie)
                return true;
        }
        unlock(c);
        if (fd < 0)
            return false;
    }
    errno = EBADF;
    return false;
}

void served_connect(struct call *call)
{
    struct connecting c = {.call = call, .fd = (int)call->n.argument[0]};
    struct identity id;
    bool good;

    if (!lock_socket(&c)) {
        call_refuse(call, "cannot identify its socket");
        return;
    }
    good = mirror_make(&c.mirror, &call->client, call->listener, call->fd, c.fd);
    call->listener = c.mirror.listener;
    if (!good) {
        call_refuse(call, "cannot get its descriptors");
        pthread_mutex_unlock(c.lock);
        return;
    }
    call->fd = c.fd;
    c.blocks = !(sys_fcntl(c.fd, F_GETFL, 0) & O_NONBLOCK);
    if (is_answered_again(&c))
        ;
    else if (identity_of(c.fd, &id))
        connect_switched(&c, &id);
    else
        connect_socket(&c);
    if (c.lock)
        pthread_mutex_unlock(c.lock);
}

static bool is_answered_again(struct connecting *c)
{
    int error;

    if (!last_answer_find(c->call, c->mirror.cookie, &error))
        return false;
    last_answer_give(c->call, c->mirror.cookie, error); /* it may get lost again */
    return true;
}

static void connect_switched(struct connecting *c, const struct identity *id)
{
    struct call *const call = c->call;
    int result;

    if (call->address.ss_family == AF_UNSPEC) {
        finish(c, reconnect_dissolve(c->fd, id) == 0 ? 0 : errno);
    } else if (c->blocks && identity_outcome(c->fd, id).state == OUTCOME_PENDING) {
        unlock(c);
        await(c, id, EALREADY);
    } else if (reconnect(c->fd, id, &result)) {
        finish(c, result == 0 ? 0 : errno);
    } else {
        connect_socket(c);
    }
}

/*
 * Any block of the policy that names a host may apply if no name is known, or if a program in this tree has
 * looked up a name in another way than by DNS. And a loopback address does not prove that the server is
 * local.
 */
static void find_names(const struct guard_client *client, const struct wire_address *address,
                       struct names_found *found)
{
    const struct connecting *const c = (const void *)client;
    char hosts[64];

    names_find_for(&c->asker, address, found);
    snprintf(hosts, sizeof hosts, "/proc/%d/root/etc/hosts", (int)c->call->client.tid);
    hosts_file_read(found, hosts, address);
    found->lost = found->lost || found->count == 0 || forwarder_has_unseen();
    found->resolves = true;
}

/* Connects an unconnected TCP socket: the program's own, or one that replaces a failed pair. */
static void connect_socket(struct connecting *c)
{
    struct call *const call = c->call;
    struct guard_client *const client = &c->client;
    struct wire_address asked;
    struct identity id;
    int result, error;

    *client = (struct guard_client){.pid = (uint32_t)call->client.pid,
                                    .program = c->program,
                                    .find_names = find_names,
                                    .connect = connect_plainly};
    c->asker = (struct lineage){.thread = asking_process(&call->client)};
    client_program(&call->client, c->program);
    if (!client_user(&call->client, &client->uid)) {
        errno = ESRCH;
        call_refuse(call, "cannot tell its user");
        return;
    }
    if (!address_read(&asked, &call->address, call->length) || !guardable_port(asked.port) ||
        !guardable_socket(c->fd, asked.family)) {
        result = connect_plainly(c->fd, &call->address, call->length);
    } else if (!guarded_connect_for(client, c->fd, &call->address, call->length, &asked, &result)) {
        errno = EALREADY; /* cannot be: nobody else has this thread's numbers */
        result = -1;
    }
    error = result == 0 ? 0 : errno;
    if (error != EINPROGRESS || !c->blocks) {
        finish(c, error);
    } else if (identity_of(c->fd, &id)) {
        if (!mirror_install(&c->mirror, &call->client, &call->n)) {
            finish(c, errno);
            return;
        }
        unlock(c);
        await(c, &id, EINPROGRESS);
    } else if (mirror_install(&c->mirror, &call->client, &call->n)) {
        unlock(c);
        call->begun = EINPROGRESS; /* and not guarded */
        plain_connect_await(call);
    } else {
        finish(c, errno);
    }
}

static int connect_plainly(int fd, const struct sockaddr_storage *address, socklen_t length)
{
    const int error = plain_connect_begin(fd, address, length);

    errno = error == EALREADY && plain_connect_waits(fd, error) ? EINPROGRESS : error;
    return error == 0 ? 0 : -1;
}

/* Switches the program's numbers and answers. */
static void finish(struct connecting *c, int error)
{
    struct call *const call = c->call;

    /* If the call is over, nobody receives the answer. If it is not, it must not appear to have succeeded. */
    if (!mirror_install(&c->mirror, &call->client, &call->n))
        error = ENETUNREACH;
    last_answer_give(call, c->mirror.cookie, error);
}

/*
 * Waits for the outcome of a pending connection, as the program's call does. `otherwise` is the error if
 * SO_SNDTIMEO expires. If a signal interrupts the program's call, the connection goes on.
 */
static void await(struct connecting *c, const struct identity *id, int otherwise)
{
    struct call *const call = c->call;
    const int timeout = reconnect_timeout(c->fd);
    const int64_t end = sys_milliseconds() + timeout;

    for (;;) {
        struct pollfd set = {.fd = c->fd, .events = POLLOUT};
        int wait = CALL_LOOK_AGAIN;
        struct peer_state outcome;

        if (timeout >= 0 && end - sys_milliseconds() < wait)
            wait = end > sys_milliseconds() ? (int)(end - sys_milliseconds()) : 0;
        sys_poll(&set, 1, wait);
        outcome = identity_outcome(c->fd, id);
        if (outcome.state != OUTCOME_PENDING) {
            report(c, id, &outcome);
            return;
        }
        if (call_is_interrupted(call))
            return;
        if (timeout >= 0 && sys_milliseconds() >= end) {
            last_answer_give(call, c->mirror.cookie, otherwise);
            return;
        }
    }
}

/*
 * True if another thread has given up the connection by shutdown(2) or connect(2) to AF_UNSPEC: that thread
 * switches the numbers back. False if the relay was killed.
 */
static bool is_called_off(const struct connecting *c)
{
    for (int waited = 0; waited < PATIENCE; waited++) {
        if (!mirror_is_true(&c->mirror, &c->call->client, 0))
            return true;
        sys_pause(1);
    }
    return false;
}

/* Reports the error of tcp_disconnect() (net/ipv4/tcp.c), once. */
static void end_called_off(struct connecting *c)
{
    const int fd = client_descriptor(&c->call->client, c->fd);

    if (fd >= 0) {
        sys_option(fd, SOL_SOCKET, SO_ERROR, 0);
        sys_close(fd);
    }
    call_answer(c->call, 0, ECONNRESET);
}

/* Reports the outcome. After a failure the program has its TCP socket back, as after a failed connect(2). */
static void report(struct connecting *c, const struct identity *id, const struct peer_state *outcome)
{
    struct call *const call = c->call;
    const int reported = PAIR_REPORTED, unreported = PAIR_UNREPORTED;

    if (outcome->state == OUTCOME_FAILED && !outcome->relay_known && is_called_off(c)) {
        end_called_off(c);
        return;
    }
    sys_setsockopt(c->fd, SOL_SOCKET, SO_PRIORITY, &reported, sizeof reported);
    if (outcome->state == OUTCOME_FAILED) {
        reconnect_dissolve(c->fd, id);
        finish(c, outcome->error);
        return;
    }
    if (!last_answer_give(call, c->mirror.cookie, 0))
        sys_setsockopt(c->fd, SOL_SOCKET, SO_PRIORITY, &unreported, sizeof unreported);
}
