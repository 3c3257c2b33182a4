#include <errno.h>
#include <poll.h>
#include <string.h>

#include "relay/protocol/protocol.h"
#include "wire/greeting.h"

enum { SPEAKS_FIRST_MS = 2000 }; /* ms to wait for a silent server once the program has sent something */

/*
 * A transport that first returns bytes that were already read, then those of the transport below it. It
 * cannot write: a greeting is only read.
 */
struct replay {
    struct transport transport; /* first, so that its address is the replay's */
    struct transport *under;
    const char *bytes;
    size_t left;
};

static ssize_t replay_peek(struct transport *t, void *buffer, size_t size)
{
    struct replay *r = (struct replay *)t;

    if (r->left == 0)
        return r->under->peek(r->under, buffer, size);
    if (size > r->left)
        size = r->left;
    memcpy(buffer, r->bytes, size);
    return (ssize_t)size;
}

static ssize_t replay_read(struct transport *t, void *buffer, size_t size)
{
    struct replay *r = (struct replay *)t;
    ssize_t got;

    if (r->left == 0)
        return r->under->read(r->under, buffer, size);
    got = replay_peek(t, buffer, size);
    r->bytes += got;
    r->left -= (size_t)got;
    return got;
}

/* Reads the greeting of `p`, whose first line has already been read (`first`, `length` bytes). */
static enum outcome greeting_after(struct plain *server, const struct protocol *p, const char *first,
                                   size_t length, struct greeting *g, struct failure *why)
{
    struct replay replay = {
        .transport = {.peek = replay_peek, .read = replay_read, .descriptor = server->transport->descriptor},
        .under = server->transport,
        .bytes = first,
        .left = length};
    enum outcome outcome;

    server->consumed -= length; /* they will be counted again */
    server->transport = &replay.transport;
    outcome = p->greeting(server, g, why);
    server->transport = replay.under;
    return outcome;
}

/*
 * Waits for bytes from the server. Returns false if the server stays silent until the deadline, or, if
 * plaintext is allowed and the program has spoken first, for SPEAKS_FIRST_MS.
 */
static bool server_speaks(struct plain *server, bool plaintext_allowed, bool *program_gone)
{
    for (;;) {
        int64_t until = server->deadline;

        if (plaintext_allowed && plain_now() + SPEAKS_FIRST_MS < until)
            until = plain_now() + SPEAKS_FIRST_MS;
        switch (plain_wait(server, POLLIN, until)) {
        case WAIT_READY:
            return true;
        case WAIT_PROGRAM_GONE:
            *program_gone = true;
            return false;
        default:
            if (until == server->deadline || plain_program_spoke(server))
                return false;
        }
    }
}

/*
 * Reads the greeting's first line into `g->raw`, or as many bytes as it takes to see that it is not a
 * greeting. Returns READY with `*protocol` set, NOT_OFFERED if it is not from a mail server, FAILED if the
 * program has gone.
 */
static enum outcome recognise(struct plain *server, bool plaintext_allowed, const struct protocol **protocol,
                              struct greeting *g, struct failure *why)
{
    bool program_gone = false;

    while (g->raw_length < sizeof g->raw - 1 && greeting_may_begin(g->raw, g->raw_length)) {
        char *at = g->raw + g->raw_length;
        ssize_t got = server->transport->peek(server->transport, at, sizeof g->raw - 1 - g->raw_length);
        const char *end = got > 0 ? memchr(at, '\n', (size_t)got) : NULL;

        if (got > 0)
            got = server->transport->read(server->transport, at, end ? (size_t)(end - at) + 1 : (size_t)got);
        if (got < 0 && errno == EAGAIN && server_speaks(server, plaintext_allowed, &program_gone))
            continue;
        if (got <= 0)
            break;
        g->raw_length += (size_t)got;
        server->consumed += (size_t)got;
        if (at[got - 1] == '\n') {
            const size_t length = strnlen(g->raw, g->raw_length); /* a line with a NUL is no greeting */

            *protocol = protocol_by_kind(greeting_protocol(g->raw, length, GREETING_GUARDED));
            break;
        }
    }
    if (*protocol)
        return READY;
    fail(why, program_gone ? FAILURE_PROGRAM_GONE : FAILURE_NO_MAIL, server->server);
    return program_gone ? FAILED : NOT_OFFERED;
}

static enum outcome greeting_of_any(struct plain *server, bool plaintext_allowed,
                                    const struct protocol **protocol, struct greeting *g, struct failure *why)
{
    char first[RAW_GREETING_LIMIT];
    enum outcome outcome = recognise(server, plaintext_allowed, protocol, g, why);
    size_t length = g->raw_length;

    if (outcome != READY)
        return outcome;
    memcpy(first, g->raw, length);
    *g = (struct greeting){.raw_length = 0};
    return greeting_after(server, *protocol, first, length, g, why);
}

enum outcome negotiate(struct plain *server, const struct settings *settings, uint16_t port,
                       const struct local_address *local, const struct protocol **protocol,
                       struct greeting *g, struct failure *why)
{
    const bool plaintext_allowed = settings->testing || !level_demands_tls(settings->level);
    enum outcome outcome;

    *g = (struct greeting){.raw_length = 0};
    *protocol =
        settings->protocol == PROTOCOL_AUTO ? protocol_by_port(port) : protocol_by_kind(settings->protocol);
    server->deadline = plain_now() + (int64_t)settings->greeting_timeout * 1000;
    outcome = *protocol ? (*protocol)->greeting(server, g, why)
                        : greeting_of_any(server, plaintext_allowed, protocol, g, why);
    if (outcome != READY)
        return outcome;
    server->deadline = plain_now() + (int64_t)settings->timeout * 1000;
    return (*protocol)->upgrade(server, local, g, why);
}
