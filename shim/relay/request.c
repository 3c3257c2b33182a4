#include "relay/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/connection.h"
#include "relay/io/relay_end.h"
#include "relay/negotiation.h"
#include "relay/options.h"
#include "relay/reply.h"
#include "relay/status.h"
#include "relay/thread_pool.h"
#ifdef RETROTLS_TAKEN_OVER /* a relay for tests only */
#    include "tests/e2e/taken_over/calls.h"
#endif

/*
 * A message and what came with it. When a descriptor is taken over, it is set to -1 here; we close the
 * others.
 */
struct received {
    _Alignas(8) uint8_t bytes[WIRE_MESSAGE_LIMIT];
    size_t length;
    int descriptor[WIRE_DESCRIPTORS];
    bool truncated; /* the relay has run out of descriptors */
};

static void take_descriptors(struct received *m, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && count <= WIRE_DESCRIPTORS)
            memcpy(m->descriptor, CMSG_DATA(c), count * sizeof(int));
    }
}

static void close_descriptors(struct received *m)
{
    for (size_t i = 0; i < WIRE_DESCRIPTORS; i++) {
        if (m->descriptor[i] >= 0)
            close(m->descriptor[i]);
        m->descriptor[i] = -1;
    }
}

/* Returns false if nothing has arrived yet. A closed connection counts as a message of no bytes. */
static bool receive(int connection, struct received *m, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS)];
    } control;
    /* cppcheck-suppress ctuuninitvar ; recvmsg() fills it */
    struct iovec bytes = {.iov_base = m->bytes, .iov_len = sizeof m->bytes};
    /*
     * CMSG_LEN, not CMSG_SPACE: with an odd number of descriptors the kernel would put one more into the
     * padding (net/core/scm.c, scm_max_fds), which nobody would close. The kernel itself closes those beyond
     * the limit.
     */
    struct msghdr header = {.msg_iov = &bytes,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_LEN(sizeof(int) * WIRE_DESCRIPTORS)};
    const ssize_t n = recvmsg(connection, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);

    m->length = 0;
    m->truncated = false;
    for (size_t i = 0; i < WIRE_DESCRIPTORS; i++)
        m->descriptor[i] = -1;
    if (n < 0)
        return errno != EAGAIN && errno != EINTR;
    take_descriptors(m, &header);
    m->truncated = header.msg_flags & MSG_CTRUNC;
    m->length = header.msg_flags & MSG_TRUNC ? 0 : (size_t)n;
    return true;
}

/* ---- taking a connection over ---- */

/* Closes what we have taken over but cannot use. */
static void discard(struct taken_guard *taken, int room)
{
    files_end(&taken->files);
    close(taken->tcp);
    close(taken->program);
    if (room >= 0)
        close(room);
}

/*
 * Makes the epoll set for the program's end, then closes that end: as long as we held it, we would not notice
 * that the program closes its own. Returns -1 with errno.
 */
static int room_of(struct taken_guard *taken)
{
    const int room = relay_end_room_of(taken->programs_end), error = errno;

    close(taken->programs_end);
    errno = error;
    return room;
}

/* If another reply will follow, sends the first one itself and sets `*answered`. */
static int take_over(int connection, struct taken_guard *taken, bool *answered)
{
    static const struct wire_reply done = {.error = 0};
    struct connection *c;
    const int room = room_of(taken);

    if (room < 0) {
        const int error = errno;

        discard(taken, room);
        return error;
    }
    c = connection_new(taken, room);
    if (!c) {
        discard(taken, room);
        return EAGAIN;
    }
    if (c->request.failure && !negotiation_protocol(&c->request)) {
        connection_free(c);
        return EPROTONOSUPPORT;
    }
    if (c->request.pending == WIRE_PENDING_REPORTED) {
        c->asker = fcntl(connection, F_DUPFD_CLOEXEC, 0);
        if (c->asker < 0) {
            connection_free(c);
            return EMFILE;
        }
        reply_send(connection, &done, -1);
        *answered = true;
    }
    if (!thread_pool_run(c)) {
        connection_free(c);
        return EAGAIN;
    }
    return 0;
}

/* See request_limit_descriptors(). */
static int descriptors_limit = INT_MAX;

void request_limit_descriptors(unsigned long long limit)
{
    descriptors_limit = limit < INT_MAX ? (int)limit : INT_MAX;
}

static bool count_if_opening(const struct connection *c, void *count)
{
    *(int *)count += c->state.stage == WIRE_CONNECTING || c->state.stage == WIRE_NEGOTIATING;
    return true;
}

/*
 * True if one more connection, and what the relay does beside it, will find descriptors. `connection` is the
 * lowest number that was free (accept(2)): at least so many are in use.
 */
static bool has_room(int connection)
{
    const int spare = descriptors_limit / 4 < SPARE_DESCRIPTORS ? descriptors_limit / 4 : SPARE_DESCRIPTORS;
    const int left = descriptors_limit - spare, more = (int)connections() + 1;
    int opening = 1;

    if (left < (CONNECTION_DESCRIPTORS + OPENING_DESCRIPTORS) * CONNECTIONS_LIMIT)
        connection_each(count_if_opening, &opening);
    if (connections() == 0) /* another relay would have no more room for it */
        return connection < left;
    return connections() < CONNECTIONS_LIMIT && connection < left &&
           RELAY_DESCRIPTORS + CONNECTION_DESCRIPTORS * more + OPENING_DESCRIPTORS * opening <= left;
}

/*
 * Removes the message, which we have only peeked at, and its descriptors. If we closed the connection with a
 * message unread, the asker would get ECONNRESET instead of the reply (net/unix/af_unix.c,
 * unix_release_sock()).
 */
static void drop_message(int connection)
{
    char byte;

    (void)!recv(connection, &byte, sizeof byte, MSG_DONTWAIT);
}

/*
 * Reads only what it needs to serve the connection. The monitor reads which files the policy names, and opens
 * them.
 */
static void serve_guard(int connection)
{
    struct taken_guard taken = {.length = 0};
    bool answered = false;
    struct wire_reply answer = {.error = EMFILE};

    if (has_room(connection))
        answer.error = files_take_guard(connection, &taken);
    if (answer.error == 0)
        answer.error = take_over(connection, &taken, &answered);
    else
        drop_message(connection);
    if (!answered)
        reply_send(connection, &answer, -1);
}

/* ---- other requests ---- */

bool request_is_strangers(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid();
}

/*
 * Tries it here first, without any rights. If it needs rights, the monitor reads the request itself, and sets
 * the option with the rights of the process that asks.
 */
static int set_option(int connection, const struct pair_identity *pair, const struct option_request *r)
{
    const int error = option_set(pair, r, -1);

    return error == EPERM || error == EACCES ? option_set(pair, r, connection) : error;
}

static int get_option(int connection, const struct pair_identity *pair, const struct option_request *r,
                      uint8_t *value, uint32_t *length)
{
    const int error = option_get(pair, r, -1, value, length);

    return error == EPERM || error == EACCES ? option_get(pair, r, connection, value, length) : error;
}

static int check_possession(const struct received *m, uint64_t cookie, struct pair_identity *pair)
{
    if (m->truncated)
        return EMFILE;
    return m->descriptor[0] >= 0 && pair_identity_of_programs_end(pair, m->descriptor[0], cookie) ? 0 : EPERM;
}

static void serve_option(int connection, struct received *m, enum wire_type type)
{
    uint8_t value[WIRE_VALUE_LIMIT];
    struct wire_reply answer = {.error = 0};
    struct option_request r;
    struct pair_identity pair;
    int descriptor = -1;

    if (!wire_read_option(&r, m->bytes, m->length))
        answer.error = EBADMSG;
    else
        answer.error = check_possession(m, r.cookie, &pair);
    if (answer.error == 0 && type == WIRE_GET_OPTION) {
        answer.error = get_option(connection, &pair, &r, value, &answer.value_length);
        answer.value = value;
    } else if (answer.error == 0 && type == WIRE_SET_OPTION) {
        answer.error = set_option(connection, &pair, &r);
    } else if (answer.error == 0) {
        descriptor = connection_reclaim(&pair);
        if (descriptor < 0 && connection_surrender(&pair, connection))
            return; /* the connection's thread answers */
        answer.error = descriptor < 0 ? ENOTCONN : 0;
    }
    reply_send(connection, &answer, descriptor);
    if (descriptor >= 0)
        close(descriptor);
}

/* Returns false if nothing has arrived yet. */
static bool serve_other(int connection, enum wire_type type)
{
    struct wire_reply answer = {.error = EBADMSG};
    struct received m;

    const bool stays = type == WIRE_SET_OPTION || type == WIRE_GET_OPTION; /* leave it for the monitor */

    if (!receive(connection, &m, stays ? MSG_PEEK : 0))
        return false;
    if (type == WIRE_GET_OPTION || type == WIRE_SET_OPTION || type == WIRE_RECLAIM)
        serve_option(connection, &m, type);
    else if (m.length > 0 && (type != WIRE_STATUS || (answer.error = status_send(connection)) != 0))
        reply_send(connection, &answer, -1);
    close_descriptors(&m);
    if (stays)
        drop_message(connection);
    return true;
}

/*
 * Returns the type of the next message, and leaves that in the queue. 0: it has no type; -1: nothing has
 * arrived.
 */
static int type_of_next(int connection)
{
    _Alignas(8) uint8_t head[WIRE_TOKEN_END];
    const ssize_t n = recv(connection, head, sizeof head, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    return n > 0 ? (int)wire_type_of(head, (size_t)n) : 0;
}

bool request_serve(int connection)
{
    const int type = type_of_next(connection);

    if (type < 0)
        return false;
#ifdef RETROTLS_TAKEN_OVER
    if (taken_over_serve(connection))
        return true;
#endif
    if (type != WIRE_GUARD)
        return serve_other(connection, (enum wire_type)type);
    serve_guard(connection);
    return true;
}
