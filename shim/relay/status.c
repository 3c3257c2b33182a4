#include "relay/status.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "monitor/socket_options.h"
#include "relay/connection.h"
#include "relay/protocol/plain.h"
#include "wire/wire.h"

/* Messages one after the other, each preceded by its length. */
struct answer {
    int connection;
    size_t used, size;
    uint8_t *bytes;
};

static atomic_int answers; /* being sent now */

static bool make_room(struct answer *a, size_t length)
{
    const size_t size = a->size > 0 ? 2 * a->size : WIRE_MESSAGE_LIMIT;
    uint8_t *bytes;

    if (a->used + sizeof length + length <= a->size)
        return true;
    if (size > STATUS_LIMIT || !(bytes = realloc(a->bytes, size)))
        return false;
    a->bytes = bytes;
    a->size = size;
    return true;
}

static bool add_message(struct answer *a, const uint8_t *message, size_t length)
{
    if (length == 0 || !make_room(a, length))
        return false;
    memcpy(a->bytes + a->used, &length, sizeof length);
    memcpy(a->bytes + a->used + sizeof length, message, length);
    a->used += sizeof length + length;
    return true;
}

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

static bool add(const struct connection *c, void *argument)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT]; /* guarded by the connections' lock */
    const struct wire_connection shown = {
        .pid = c->request.pid,
        .stage = c->state.stage,
        .level = c->request.settings.level,
        .address = c->request.asked_address,
        .age = (uint64_t)(plain_now() - c->began),
        .up = atomic_load_explicit(&c->up, memory_order_relaxed),
        .down = atomic_load_explicit(&c->down, memory_order_relaxed),
        .program = c->request.program,
        .server = c->server,
        .protocol = known(c->state.protocol),
        .version = known(c->state.version),
        .cipher = known(c->state.cipher),
    };

    return add_message(argument, message, wire_write_connection(message, &shown));
}

static bool add_end(struct answer *a)
{
    static const struct wire_reply end = {.error = 0};
    _Alignas(8) uint8_t message[256];

    return add_message(a, message, wire_write_reply(message, &end));
}

static void discard(struct answer *a)
{
    if (a->connection >= 0)
        close(a->connection);
    free(a->bytes);
    free(a);
    atomic_fetch_sub(&answers, 1);
}

static void *send_all(void *argument)
{
    struct answer *a = argument;
    size_t at = 0, length;

    while (at < a->used) {
        memcpy(&length, a->bytes + at, sizeof length);
        at += sizeof length;
        if (send(a->connection, a->bytes + at, length, MSG_NOSIGNAL) < 0)
            break;
        at += length;
    }
    discard(a);
    return NULL;
}

static bool may_ask(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == getuid() || peer.uid == 0);
}

static bool start(struct answer *a)
{
    const struct timeval limit = {.tv_sec = STATUS_PATIENCE};
    pthread_t thread;

    if (socket_option_set(a->connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        pthread_create(&thread, NULL, send_all, a) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

int status_send(int connection)
{
    struct answer *a;

    if (!may_ask(connection))
        return EPERM;
    if (atomic_fetch_add(&answers, 1) >= STATUS_ANSWERS || !(a = calloc(1, sizeof *a))) {
        atomic_fetch_sub(&answers, 1);
        return EAGAIN;
    }
    a->connection = fcntl(connection, F_DUPFD_CLOEXEC, 0);
    connection_each(add, a);
    if (a->connection >= 0 && add_end(a) && start(a))
        return 0;
    discard(a);
    return EAGAIN;
}
