#include "relay/pump/pump_state.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "relay/protocol/plain.h"

enum {
    /*
     * Bytes to read from the program at once. As four records they are just under 64 KiB, the largest segment
     * that TCP makes (on the loopback device too). With more, each 64 KiB would end in a segment of 150
     * bytes, which costs the stack as much as a large one.
     */
    BATCH = 65000,
};

static void program_ends(struct pump *p)
{
    p->up.state = ENDING;
    p->program_ready.readable = false;
}

static bool from_program(struct pump *p, struct buffer *to, size_t most)
{
    size_t room;
    ssize_t n;

    if (!buffer_open(to, &room)) {
        p->no_memory = true;
        return false;
    }
    if (room > most)
        room = most;
    if (room == 0 || (room < PUMP_SHORT && buffer_used(to) > 0))
        return false; /* reading bulk a few bytes at a time costs too many calls */
    n = relay_end_read(p->program, to->bytes + to->end, room);
    if (n > 0) {
        buffer_put(to, (size_t)n);
        if ((size_t)n < room && !p->program_ready.ending)
            p->program_ready.readable = false;
        return true;
    }
    if (n < 0 && errno == EAGAIN)
        p->program_ready.readable = false;
    else if (n < 0 && errno == EINTR)
        return true;
    else
        program_ends(p);
    return n == 0;
}

bool pump_read_program(struct pump *p)
{
    bool moved;

    if (!p->program_ready.readable || p->up.state != OPEN)
        return false;
    if (!pump_is_watched(p))
        return from_program(p, &p->up.buffer, BATCH);
    if (buffer_used(&p->held) > 0)
        return false;
    moved = from_program(p, &p->held, PUMP_CHUNK);
    pump_watch_held(p);
    return moved;
}

bool pump_write_server(struct pump *p)
{
    bool moved = false;

    while (buffer_used(&p->up.buffer) > 0 && p->server->ready.writable && !p->up.deaf) {
        const uint8_t *bytes = p->up.buffer.bytes + p->up.buffer.begin;
        size_t count = 0;
        const enum flow flow = p->server->write(p->server, bytes, buffer_used(&p->up.buffer), &count);

        if (flow == FLOW_BLOCKED)
            break;
        if (flow != FLOW_MOVED) {
            /*
             * Nobody receives what the program writes any more. The program can still read what the server
             * sent before. And a server that waits for more learns from this that the session is over.
             */
            shutdown(p->server->fd, SHUT_WR);
            p->up.deaf = true;
            readiness_hear(&p->server->ready, EPOLLRDHUP);
            break;
        }
        farewell_program(&p->farewell, (const char *)bytes, count);
        if (p->up.count)
            atomic_fetch_add_explicit(p->up.count, count, memory_order_relaxed);
        buffer_take(&p->up.buffer, count);
        p->moved += count;
        p->taken = moved = true;
    }
    if (p->up.deaf)
        buffer_take(&p->up.buffer, buffer_used(&p->up.buffer));
    return moved;
}

/*
 * True if the program has closed, not half-closed, with SO_LINGER of 0 seconds, which drops unsent bytes and
 * resets the connection (socket(7)). We ask the kernel, because the read that found the end may have come
 * before the edge that reports it.
 */
static bool is_abort(const struct pump *p)
{
    struct pollfd end = {.fd = p->program->fd};

    return plain_drops_unsent(p->server->fd) && poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

bool pump_holds_end_back(const struct pump *p)
{
    return p->server->end_silences && p->up.state != OPEN && !p->down.deaf &&
           buffer_used(&p->up.buffer) == 0 && buffer_used(&p->held) == 0 && p->down.state == OPEN &&
           !p->up.deaf && !p->answers_ended;
}

bool pump_end_server(struct pump *p)
{
    if (p->up.state != ENDING)
        return false;
    if (is_abort(p)) {
        p->up.state = CUT; /* the kernel sends the reset when the socket is closed */
        return false;
    }
    if (buffer_used(&p->up.buffer) > 0 || buffer_used(&p->held) > 0 || !p->server->ready.writable ||
        pump_holds_end_back(p))
        return false;
    if (p->server->finish(p->server) == FLOW_BLOCKED)
        return false;
    p->up.state = ENDED;
    return true;
}
