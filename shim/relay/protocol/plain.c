#include "relay/protocol/plain.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

int64_t plain_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t plain_unsent(const struct plain *server)
{
    int unread = 0;

    if (server->program < 0 || ioctl(server->program, FIONREAD, &unread) != 0 ||
        unread <= server->filled + KEPT_BYTES)
        return 0;
    return (size_t)(unread - server->filled - KEPT_BYTES);
}

bool plain_is_alone(const struct plain *server)
{
    struct pollfd program = {.fd = server->program};

    return server->program >= 0 && poll(&program, 1, 0) == 1;
}

bool plain_drops_unsent(int tcp)
{
    struct linger linger = {.l_onoff = 0};
    socklen_t length = sizeof linger;

    return getsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff &&
           linger.l_linger == 0;
}

enum plain_wait plain_wait(const struct plain *server, short events, int64_t until)
{
    int program = server->program;

    for (;;) {
        /*
         * The program's end always has bytes to read, and stays in the state RDHUP after a half-close. With
         * no events asked for, poll() reports only HUP and ERR (tried on Linux 6.18: close() by the peer and
         * shutdown(SHUT_RDWR) give HUP, shutdown(SHUT_WR) or (SHUT_RD) alone give nothing).
         */
        struct pollfd ends[] = {{.fd = server->transport->descriptor, .events = events},
                                {.fd = program, .events = 0}};
        const int64_t left = until - plain_now();
        int ready;

        if (left <= 0)
            return WAIT_TIMEOUT;
        ready = poll(ends, 2, left < INT_MAX ? (int)left : INT_MAX);
        if (ready < 0 && errno != EINTR)
            return WAIT_TIMEOUT; /* cannot wait */
        if (ready <= 0)
            continue; /* interrupted, or time to look at the clock */
        if (ends[1].revents) {
            if (plain_unsent(server) == 0 || plain_drops_unsent(server->transport->descriptor))
                return WAIT_PROGRAM_GONE;
            program = -1; /* it cannot come back, but what it has sent must still arrive, as over TCP */
        }
        if (ends[0].revents)
            return WAIT_READY;
    }
}

bool plain_program_spoke(const struct plain *server)
{
    return plain_unsent(server) > 0;
}

bool plain_await(const struct plain *server, short events, enum failure_kind late, struct failure *why)
{
    switch (plain_wait(server, events, server->deadline)) {
    case WAIT_READY:
        return true;
    case WAIT_PROGRAM_GONE:
        fail(why, FAILURE_PROGRAM_GONE, server->server);
        return false;
    default:
        fail(why, late, server->server);
        return false;
    }
}

/* Call this after the transport has returned `result` <= 0. Waits if waiting helps; otherwise sets `why`. */
static bool retry(struct plain *server, ssize_t result, short events, struct failure *why)
{
    if (result == 0) {
        fail(why, FAILURE_CLOSED, server->server);
        return false;
    }
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN) {
        fail(why, FAILURE_LOST, server->server, strerror(errno));
        return false;
    }
    return plain_await(server, events, FAILURE_TIMEOUT, why);
}

/* Reads at least one and at most `size` (not 0) bytes, waiting for the first; 0 with `why` set. */
static size_t read_some(struct plain *in, void *to, size_t size, struct failure *why)
{
    ssize_t got;

    if (in->consumed >= DIALOGUE_LIMIT) {
        fail(why, FAILURE_DIALOGUE_LIMIT, in->server);
        return 0;
    }
    if (size > DIALOGUE_LIMIT - in->consumed)
        size = DIALOGUE_LIMIT - in->consumed;
    while ((got = in->transport->read(in->transport, to, size)) <= 0) {
        if (!retry(in, got, POLLIN, why))
            return 0;
    }
    in->consumed += (size_t)got;
    if (in->kept && !buffer_append(in->kept, to, (size_t)got)) {
        fail(why, FAILURE_NO_MEMORY, in->server);
        return 0;
    }
    return (size_t)got;
}

/* Returns how many of the waiting bytes (at most `size`) belong to the current line; 0 with `why` set. */
static size_t rest_of_line(struct plain *in, char *scratch, size_t size, struct failure *why)
{
    const char *end;
    ssize_t seen;

    while ((seen = in->transport->peek(in->transport, scratch, size)) <= 0) {
        if (!retry(in, seen, POLLIN, why))
            return 0;
    }
    end = memchr(scratch, '\n', (size_t)seen);
    return end ? (size_t)(end - scratch) + 1 : (size_t)seen;
}

/* Checks that the new bytes of `line`, those from `from` on, may stand where they are. */
static bool well_formed(const struct plain *in, const char *line, size_t from, size_t length,
                        struct failure *why)
{
    const char *wrong = NULL;

    for (size_t i = from; i < length && !wrong; i++) {
        const bool after_cr = i > 0 && line[i - 1] == '\r';

        if (line[i] == '\0')
            wrong = "a NUL byte";
        else if (line[i] == '\n' && !after_cr)
            wrong = "a line feed with no carriage return";
        else if (line[i] != '\n' && after_cr)
            wrong = "a carriage return with no line feed";
    }
    if (wrong)
        fail(why, FAILURE_BYTE, in->server, wrong);
    return !wrong;
}

ssize_t plain_read_line(struct plain *in, char line[LINE_LIMIT], struct failure *why)
{
    size_t length = 0;

    while (length == 0 || line[length - 1] != '\n') {
        size_t part;

        if (length == LINE_LIMIT) {
            fail(why, FAILURE_LINE_LIMIT, in->server);
            return -1;
        }
        part = rest_of_line(in, line + length, LINE_LIMIT - length, why);
        if (part == 0 || (part = read_some(in, line + length, part, why)) == 0)
            return -1;
        if (!well_formed(in, line, length, length + part, why))
            return -1;
        length += part;
    }
    line[length - 2] = '\0';
    return (ssize_t)(length - 2);
}

bool plain_read(struct plain *in, void *to, size_t count, struct failure *why)
{
    char *at = to;

    while (count > 0) {
        const size_t got = read_some(in, at, count, why);

        if (got == 0)
            return false;
        at += got;
        count -= got;
    }
    return true;
}

bool plain_skip(struct plain *in, uint64_t count, struct failure *why)
{
    char discarded[1024];

    if (count > DIALOGUE_LIMIT - in->consumed) { /* do not wait for bytes that we would refuse in the end */
        fail(why, FAILURE_DIALOGUE_LIMIT, in->server);
        return false;
    }
    while (count > 0) {
        const size_t part = count < sizeof discarded ? (size_t)count : sizeof discarded;

        if (!plain_read(in, discarded, part, why))
            return false;
        count -= part;
    }
    return true;
}

bool plain_send(struct plain *out, const void *bytes, size_t length, struct failure *why)
{
    const char *at = bytes;

    while (length > 0) {
        const ssize_t sent = out->transport->write(out->transport, at, length);

        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else if (!retry(out, sent, POLLOUT, why)) {
            return false;
        }
    }
    return true;
}

bool plain_is_empty(struct plain *in)
{
    return !in->transport->pending(in->transport);
}

static ssize_t socket_peek(struct transport *t, void *buffer, size_t size)
{
    return recv(t->descriptor, buffer, size, MSG_PEEK | MSG_DONTWAIT);
}

static ssize_t socket_read(struct transport *t, void *buffer, size_t size)
{
    return recv(t->descriptor, buffer, size, MSG_DONTWAIT);
}

static ssize_t socket_write(struct transport *t, const void *buffer, size_t size)
{
    return send(t->descriptor, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool socket_pending(struct transport *t)
{
    char byte;

    return recv(t->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void transport_over_socket(struct transport *t, int descriptor)
{
    *t = (struct transport){.peek = socket_peek,
                            .read = socket_read,
                            .write = socket_write,
                            .pending = socket_pending,
                            .descriptor = descriptor};
}
