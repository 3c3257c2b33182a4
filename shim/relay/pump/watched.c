#include "relay/pump/pump_state.h"

#include <string.h>

bool pump_is_watched(const struct pump *p)
{
    return p->watch && (p->watch->watching || buffer_used(&p->held) > 0);
}

bool pump_watch_held(struct pump *p)
{
    char answer[STARTTLS_WATCH_ANSWER_LIMIT];
    bool moved = false;
    size_t room, count;

    while (buffer_used(&p->held) > 0) {
        size_t n = buffer_used(&p->held), taken;

        if (!buffer_open(&p->up.buffer, &room)) {
            p->no_memory = true;
            return moved;
        }
        if (room <= STARTTLS_WATCH_HELD)
            return moved;
        if (n > room - STARTTLS_WATCH_HELD)
            n = room - STARTTLS_WATCH_HELD;
        taken = starttls_watch_program(p->watch, (const char *)p->held.bytes + p->held.begin, n,
                                       (char *)p->up.buffer.bytes + p->up.buffer.end, &count);
        buffer_put(&p->up.buffer, count);
        buffer_take(&p->held, taken);
        count = starttls_watch_answer(p->watch, answer);
        if (count > 0 && !buffer_append(&p->down.buffer, answer, count))
            p->no_memory = true;
        if (taken == 0 && count == 0)
            return moved; /* it waits for the server */
        moved = true;
    }
    if (p->up.state != OPEN && !p->watch->ended && buffer_open(&p->up.buffer, &room) &&
        room >= STARTTLS_WATCH_HELD) {
        buffer_put(&p->up.buffer,
                   starttls_watch_end(p->watch, (char *)p->up.buffer.bytes + p->up.buffer.end));
        moved = true;
    }
    return moved;
}

/* Copies what the server wrote, and inserts the watch's answers in the right places. */
static void watch_chunk(struct pump *p, const char *bytes, size_t length)
{
    char answer[STARTTLS_WATCH_ANSWER_LIMIT];

    while (length > 0) {
        const size_t taken = p->watch->watching ? starttls_watch_server(p->watch, bytes, length) : length;
        size_t count;

        if (!buffer_append(&p->down.buffer, bytes, taken))
            p->no_memory = true;
        bytes += taken;
        length -= taken;
        count = starttls_watch_answer(p->watch, answer);
        if (count > 0 && !buffer_append(&p->down.buffer, answer, count))
            p->no_memory = true;
        pump_watch_held(p);
    }
}

enum flow pump_read_watched(struct pump *p, size_t room, size_t *count)
{
    char chunk[PUMP_CHUNK];
    enum flow flow;

    *count = 0;
    if (room < PUMP_CHUNK + 2 * (size_t)PUMP_CHUNK)
        return FLOW_BLOCKED; /* there will be room once the program reads */
    flow = p->server->read(p->server, chunk, sizeof chunk, count);
    if (flow == FLOW_MOVED) {
        farewell_server(&p->farewell, chunk, *count);
        watch_chunk(p, chunk, *count);
    }
    explicit_bzero(chunk, *count);
    return flow;
}
