#include "relay/request.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/connection.h"
#include "relay/end.h"
#include "relay/options.h"
#include "relay/paths.h"
#include "relay/reply.h"
#include "relay/session.h"
#include "relay/status.h"
#include "relay/worker.h"

static uint8_t token[WIRE_TOKEN_SIZE];

void request_set_token(const uint8_t given[WIRE_TOKEN_SIZE])
{
    memcpy(token, given, sizeof token);
}

/* A message and what came with it. Descriptors that are taken over are set to -1, the rest is closed. */
struct received {
    _Alignas(8) uint8_t bytes[WIRE_MESSAGE_LIMIT];
    size_t length;
    int descriptor[WIRE_DESCRIPTORS];
    bool truncated; /* the relay's descriptors have run out */
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

/* False where nothing has come yet. A closed connection is a message of no bytes. */
static bool receive(int connection, struct received *m)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS)];
    } control;
    /* cppcheck-suppress ctuuninitvar ; what is there is received into it */
    struct iovec bytes = {.iov_base = m->bytes, .iov_len = sizeof m->bytes};
    /*
     * CMSG_LEN and not CMSG_SPACE: of an odd number, the kernel would put one more descriptor into the
     * padding (net/core/scm.c, scm_max_fds), and nobody would close it. What is beyond it closes itself.
     */
    struct msghdr header = {.msg_iov = &bytes,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_LEN(sizeof(int) * WIRE_DESCRIPTORS)};
    const ssize_t n = recvmsg(connection, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

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

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static bool is_tcp(int fd)
{
    const int domain = option_of(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

static bool is_unix_stream(int fd)
{
    return option_of(fd, SO_DOMAIN) == AF_UNIX && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

static int check_guard(const struct received *m, const struct guard_request *r, struct pair *pair)
{
    if (CRYPTO_memcmp(r->token, token, sizeof token) != 0)
        return EPERM;
    if (m->truncated)
        return EMFILE;
    if (!is_tcp(m->descriptor[0]) || !pair_of_relays_end(pair, m->descriptor[1], r->cookie) ||
        !is_unix_stream(m->descriptor[2]) || r->filler == 0 || r->settings.level == LEVEL_NONE)
        return EINVAL;
    return r->failure && !session_protocol_of(r) ? EPROTONOSUPPORT : 0;
}

/* Sends the reply itself where another one is to come behind it; `*answered` then. */
static int guard(int connection, struct received *m, bool *answered)
{
    const struct wire_reply taken = {.error = 0};
    struct guard_request r;
    struct connection *c;
    struct pair pair;
    int error, room;

    if (!wire_read_guard(&r, m->bytes, m->length))
        return EBADMSG;
    error = check_guard(m, &r, &pair);
    if (error != 0)
        return error;
    room = end_room_of(m->descriptor[2]);
    if (room < 0)
        return errno;
    c = connection_new(m->bytes, m->length, &pair, m->descriptor[0], m->descriptor[1], room,
                       m->descriptor[3]);
    if (!c) {
        close(room);
        return EAGAIN;
    }
    /* As long as this process held the program's end, it would not learn that the program has closed it. */
    close(m->descriptor[2]);
    for (size_t i = 0; i < WIRE_DESCRIPTORS; i++)
        m->descriptor[i] = -1;
    if (request_is_strangers(connection))
        paths_restrict(c);
    else
        paths_remember(&c->request.settings);
    /* A connection that is up is named before the program hears of it: it asks for its peer's address next.
     */
    if (r.pending == WIRE_CONNECTED && !session_bind_outcome(c, 0)) {
        connection_free(c);
        return EAGAIN;
    }
    if (r.pending == WIRE_PENDING_TOLD) {
        c->asker = fcntl(connection, F_DUPFD_CLOEXEC, 0);
        if (c->asker < 0) {
            connection_free(c);
            return EMFILE;
        }
        reply_send(connection, &taken, -1);
        *answered = true;
    }
    if (!worker_run(c)) {
        connection_free(c);
        return EAGAIN;
    }
    return 0;
}

/* ---- what else is asked ---- */

bool request_is_strangers(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid();
}

static int check_possession(const struct received *m, uint64_t cookie, struct pair *pair)
{
    if (m->truncated)
        return EMFILE;
    return m->descriptor[0] >= 0 && pair_of_programs_end(pair, m->descriptor[0], cookie) ? 0 : EPERM;
}

static void serve_option(int connection, struct received *m, enum wire_type type)
{
    uint8_t value[WIRE_VALUE_LIMIT];
    struct wire_reply answer = {.error = 0};
    struct option_request r;
    struct pair pair;
    int descriptor = -1;

    if (!wire_read_option(&r, m->bytes, m->length))
        answer.error = EBADMSG;
    else
        answer.error = check_possession(m, r.cookie, &pair);
    if (answer.error == 0 && type == WIRE_GET_OPTION) {
        answer.error = option_get(&pair, &r, value, &answer.value_length);
        answer.value = value;
    } else if (answer.error == 0 && type == WIRE_SET_OPTION) {
        answer.error = option_set(&pair, &r, !request_is_strangers(connection));
    } else if (answer.error == 0) {
        descriptor = connection_reclaim(&pair);
        if (descriptor < 0 && connection_surrender(&pair, connection))
            return; /* its thread answers */
        answer.error = descriptor < 0 ? ENOTCONN : 0;
    }
    reply_send(connection, &answer, descriptor);
    if (descriptor >= 0)
        close(descriptor);
}

bool request_serve(int connection)
{
    struct received m;
    struct wire_reply answer = {.error = EBADMSG};
    bool answered = false;
    enum wire_type type;

    if (!receive(connection, &m))
        return false;
    type = wire_type_of(m.bytes, m.length);
    if (type == WIRE_GET_OPTION || type == WIRE_SET_OPTION || type == WIRE_RECLAIM) {
        serve_option(connection, &m, type);
    } else if (m.length > 0) {
        if (type == WIRE_GUARD)
            answer.error = guard(connection, &m, &answered);
        else if (type == WIRE_STATUS)
            answered = (answer.error = status_tell(connection)) == 0;
        if (!answered)
            reply_send(connection, &answer, -1);
    }
    explicit_bzero(m.bytes, WIRE_TOKEN_SIZE * 4);
    close_descriptors(&m);
    return true;
}
