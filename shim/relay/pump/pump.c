#include "relay/pump/pump.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

#include "relay/protocol/plain.h"
#include "relay/pump/pump_state.h"

enum { STEPS = 64 }; /* before looking at the edges, even if there is more to move */

static bool step(struct pump *p)
{
    bool moved = pump_read_program(p);

    moved |= pump_write_server(p);
    moved |= pump_end_server(p);
    moved |= pump_read_server(p);
    moved |= pump_write_program(p);
    moved |= pump_end_program(p);
    if (pump_is_watched(p))
        moved |= pump_watch_held(p);
    return moved;
}

/* True once each side knows of the other's end, or a side that does not know has gone. */
static bool is_over(const struct pump *p)
{
    if (p->no_memory || p->up.state == CUT || (p->down.state == CUT && buffer_used(&p->down.buffer) == 0))
        return true;
    if (p->up.deaf && p->down.state == ENDED)
        return true; /* TCP is closed, so close the program's end too */
    if (p->down.deaf && p->up.state != OPEN)
        return p->down.state != OPEN && (p->up.state == ENDED || p->up.deaf);
    return p->down.state == ENDED && p->up.state == ENDED;
}

static int64_t limit_of(const struct pump *p)
{
    if (p->program_gone || (p->down.deaf && p->up.state != OPEN))
        return p->up.state == ENDED ? PUMP_LINGER : PUMP_FLUSH;
    if (pump_holds_end_back(p))
        return farewell_said(&p->farewell) ? PUMP_ANSWERS_FAREWELL : PUMP_ANSWERS;
    return p->down.state == ENDED ? PUMP_FAREWELL : 0;
}

static void heard_program(struct pump *p, uint32_t events)
{
    readiness_hear(&p->program_ready, events);
    if (events & EPOLLHUP)
        p->down.deaf = p->program_gone = true;
}

static void heard_server(struct pump *p, uint32_t events)
{
    readiness_hear(&p->server->ready, events);
    /* The server had ended in order, but has now answered later bytes with a reset. */
    if (events & (EPOLLERR | EPOLLHUP) && p->down.state != OPEN)
        p->up.deaf = true;
}

/* Returns false if time is up, or if waiting fails. `at_once`: does not wait, because there is more to do. */
static bool wait_for_edge(struct pump *p, bool at_once)
{
    const bool output[SIDES] = {
        [PROGRAM_SIDE] = !p->program_ready.writable && buffer_used(&p->down.buffer) > 0,
        [SERVER_SIDE] = !p->server->ready.writable && (buffer_used(&p->up.buffer) > 0 ||
                                                       p->up.state != OPEN || p->server->read_needs_write),
    };
    const bool unsettled = p->program->unsettled;
    int64_t left = p->deadline == INT64_MAX ? -1 : p->deadline - plain_now();
    uint32_t events[SIDES];
    int count;

    if (p->deadline != INT64_MAX && left <= 0)
        return false;
    if (unsettled && (left < 0 || left > RELAY_END_UNSETTLED))
        left = RELAY_END_UNSETTLED;
    if (at_once)
        left = 0;
    count = edges_wait(&p->edges, output, events, left > INT_MAX ? INT_MAX : (int)left,
                       !at_once && p->moved <= PUMP_SHORT);
    p->moved = 0;
    if (count < 0)
        return errno == EINTR;
    if (count == 0 && unsettled)
        relay_end_settle(p->program);
    heard_program(p, events[PROGRAM_SIDE]);
    heard_server(p, events[SERVER_SIDE]);
    return true;
}

static enum pump_end run(struct pump *p)
{
    int64_t limit = 0;

    for (;;) {
        bool moved = false, more = true;

        p->interrupted = false;
        for (int steps = 0; more && !p->interrupted && steps < STEPS; steps++) {
            more = step(p) && !is_over(p);
            moved |= more;
        }
        if (is_over(p))
            break;
        if (limit_of(p) != limit || (p->taken && limit == PUMP_FLUSH) || (moved && pump_holds_end_back(p))) {
            limit = limit_of(p);
            p->deadline = limit > 0 ? plain_now() + limit : INT64_MAX;
        }
        p->taken = false;
        buffer_rest(&p->up.buffer);
        buffer_rest(&p->down.buffer);
        buffer_rest(&p->held);
        relay_end_make_room(p->program);
        if (!wait_for_edge(p, more)) {
            if (!pump_holds_end_back(p) || plain_now() < p->deadline)
                break;
            p->answers_ended = true;
        }
    }
    if (p->down.state == ENDED || (p->down.deaf && p->up.state != OPEN))
        return PUMP_ENDED;
    relay_end_break(p->program);
    return PUMP_CUT;
}

enum pump_end pump_run(const struct pumped *what)
{
    struct pump p = {.program = what->program,
                     .server = what->server,
                     .watch = what->watch,
                     .up = {.deaf = what->mute, .count = what->up},
                     .down = {.buffer = *what->greeting, .count = what->down},
                     .held = what->said ? *what->said : (struct buffer){.bytes = NULL},
                     .program_ready = {.readable = true, .writable = true},
                     .deadline = INT64_MAX};
    enum pump_end end = PUMP_CUT;

    *what->greeting = (struct buffer){.bytes = NULL};
    if (what->said)
        *what->said = (struct buffer){.bytes = NULL};
    farewell_begin(&p.farewell, what->protocol);
    if (edges_open(&p.edges, p.program->fd, p.server->fd))
        end = run(&p);
    buffer_drop(&p.up.buffer);
    buffer_drop(&p.down.buffer);
    buffer_drop(&p.held);
    edges_close(&p.edges);
    explicit_bzero(&p.farewell, sizeof p.farewell);
    return end;
}
