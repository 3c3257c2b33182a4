#include "relay/pump/pump_state.h"

#include <errno.h>

static void server_ends(struct pump *p, enum flow how)
{
    /* Many servers answer QUIT and just close: that counts as an orderly end. */
    const bool expected = how == FLOW_TRUNCATED && farewell_answered(&p->farewell);

    p->down.state = how == FLOW_ENDED || expected ? ENDING : CUT;
}

bool pump_read_server(struct pump *p)
{
    bool moved = false;

    while (p->server->ready.readable && p->down.state == OPEN &&
           (!p->server->read_needs_write || p->server->ready.writable)) {
        size_t room, count = 0;
        enum flow flow;

        if (!buffer_open(&p->down.buffer, &room)) {
            p->no_memory = true;
            return false;
        }
        if (room == 0)
            break;
        if (p->watch && p->watch->watching) {
            flow = pump_read_watched(p, room, &count);
        } else {
            flow = p->server->read(p->server, p->down.buffer.bytes + p->down.buffer.end, room, &count);
            if (flow == FLOW_MOVED) {
                farewell_server(&p->farewell, (const char *)p->down.buffer.bytes + p->down.buffer.end, count);
                buffer_put(&p->down.buffer, count);
            }
        }
        if (flow == FLOW_BLOCKED)
            break;
        moved = true;
        if (flow != FLOW_MOVED)
            server_ends(p, flow);
        else if ((p->interrupted = count == 0))
            break;
    }
    return moved;
}

bool pump_write_program(struct pump *p)
{
    ssize_t n;

    if (p->down.deaf)
        buffer_take(&p->down.buffer, buffer_used(&p->down.buffer));
    if (buffer_used(&p->down.buffer) == 0 || !p->program_ready.writable)
        return false;
    n = relay_end_write(p->program, p->down.buffer.bytes + p->down.buffer.begin,
                        buffer_used(&p->down.buffer));
    if (n < 0) {
        if (errno == EAGAIN)
            p->program_ready.writable = false;
        else if (errno == ENOMEM || errno == ENOBUFS)
            p->no_memory = true; /* the program still reads: it must not wait for lost bytes */
        else
            p->down.deaf = true;
        return p->down.deaf;
    }
    if ((size_t)n < buffer_used(&p->down.buffer))
        p->program_ready.writable = false;
    if (p->down.count)
        atomic_fetch_add_explicit(p->down.count, (uint64_t)n, memory_order_relaxed);
    buffer_take(&p->down.buffer, (size_t)n);
    p->moved += (size_t)n;
    return true;
}

bool pump_end_program(struct pump *p)
{
    if (p->down.state != ENDING || buffer_used(&p->down.buffer) > 0)
        return false;
    p->down.state = ENDED;
    if (!relay_end_finish(p->program)) {
        p->down.deaf = true; /* all that is left is to close */
        p->up.state = ENDED;
    }
    p->program_ready.readable = true; /* from now on reads work differently */
    return true;
}
