#include "relay/pump/pump.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "relay/protocol/farewell.h"
#include "relay/protocol/plain.h"
#include "relay/pump/buffer.h"
#include "relay/pump/edges.h"

enum {
    CHUNK = 4096, /* bytes given to the watch at once */
    /*
     * Bytes read from the program at once. As four records they are just under 64 KiB, the largest segment
     * that TCP makes (on the loopback device too). With more, each 64 KiB would end in a segment of 150
     * bytes, which costs the stack as much.
     */
    BATCH = 65000,
    SHORT = 4096, /* bytes up to which a transfer counts as a message, not as bulk */
    STEPS = 64,   /* before looking at the edges, even if there is more to move */
};

struct pump {
    struct relay_end *program;
    struct stream *server;
    struct starttls_watch *watch;
    _Atomic uint64_t *up_count, *down_count;

    struct buffer up, down;
    struct buffer held; /* bytes from the program that the watch holds back */

    /* As in struct stream: what the edges have reported about the program's end. */
    bool program_readable, program_writable, program_ending;

    bool program_ended; /* it writes no more */
    bool program_deaf;  /* it reads no more */
    bool program_gone;  /* neither, but what it wrote may still have to be read */
    bool server_told;   /* told that the program has ended */
    bool answered;      /* the program's half-close has waited long enough for the server's answers */
    bool server_deaf;   /* what we write goes nowhere */
    bool aborted;       /* the program closed with SO_LINGER 0 */
    enum { OPEN, ENDED, CUT } server_end;
    bool program_told; /* told that the server has ended */

    struct edges edges;
    size_t moved;     /* bytes since the last wait */
    bool taken;       /* some of them went to the server */
    bool interrupted; /* a read took too long */
    int64_t deadline; /* INT64_MAX: none */
    bool no_memory;

    struct farewell farewell;
};

/* ---- the end of the server's stream ---- */

static void server_ends(struct pump *p, enum flow how)
{
    /* Many servers answer QUIT and just close: that counts as an orderly end. */
    const bool expected = how == FLOW_TRUNCATED && farewell_answered(&p->farewell);

    p->server_end = how == FLOW_ENDED || expected ? ENDED : CUT;
}

/* ---- program to server ---- */

static void program_ends(struct pump *p)
{
    p->program_ended = true;
    p->program_readable = false;
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
    if (room == 0 || (room < SHORT && buffer_used(to) > 0))
        return false; /* reading bulk a few bytes at a time costs too many calls */
    n = relay_end_read(p->program, to->bytes + to->end, room);
    if (n > 0) {
        buffer_put(to, (size_t)n);
        if ((size_t)n < room && !p->program_ending)
            p->program_readable = false;
        return true;
    }
    if (n < 0 && errno == EAGAIN)
        p->program_readable = false;
    else if (n < 0 && errno == EINTR)
        return true;
    else
        program_ends(p);
    return n == 0;
}

/*
 * Gives the watch the held bytes, as far as it takes them and there is room; its answers go to the program.
 * Returns whether anything moved.
 */
static bool watch_held(struct pump *p)
{
    char answer[STARTTLS_WATCH_ANSWER_LIMIT];
    bool moved = false;
    size_t room, count;

    while (buffer_used(&p->held) > 0) {
        size_t n = buffer_used(&p->held), taken;

        if (!buffer_open(&p->up, &room)) {
            p->no_memory = true;
            return moved;
        }
        if (room <= STARTTLS_WATCH_HELD)
            return moved;
        if (n > room - STARTTLS_WATCH_HELD)
            n = room - STARTTLS_WATCH_HELD;
        taken = starttls_watch_program(p->watch, (const char *)p->held.bytes + p->held.begin, n,
                                       (char *)p->up.bytes + p->up.end, &count);
        buffer_put(&p->up, count);
        buffer_take(&p->held, taken);
        count = starttls_watch_answer(p->watch, answer);
        if (count > 0 && !buffer_append(&p->down, answer, count))
            p->no_memory = true;
        if (taken == 0 && count == 0)
            return moved; /* it waits for the server */
        moved = true;
    }
    if (p->program_ended && !p->watch->ended && buffer_open(&p->up, &room) && room >= STARTTLS_WATCH_HELD) {
        buffer_put(&p->up, starttls_watch_end(p->watch, (char *)p->up.bytes + p->up.end));
        moved = true;
    }
    return moved;
}

static bool is_watched(const struct pump *p)
{
    return p->watch && (p->watch->watching || buffer_used(&p->held) > 0);
}

static bool read_program(struct pump *p)
{
    bool moved;

    if (!p->program_readable || p->program_ended)
        return false;
    if (!is_watched(p))
        return from_program(p, &p->up, BATCH);
    if (buffer_used(&p->held) > 0)
        return false;
    moved = from_program(p, &p->held, CHUNK);
    watch_held(p);
    return moved;
}

static bool write_server(struct pump *p)
{
    bool moved = false;

    while (buffer_used(&p->up) > 0 && p->server->writable && !p->server_deaf) {
        const uint8_t *bytes = p->up.bytes + p->up.begin;
        size_t count = 0;
        const enum flow flow = p->server->write(p->server, bytes, buffer_used(&p->up), &count);

        if (flow == FLOW_BLOCKED)
            break;
        if (flow != FLOW_MOVED) {
            /*
             * Nobody receives what the program writes any more. What the server sent before can still be
             * read, and a server that waits for more learns from this that the session is over.
             */
            shutdown(p->server->fd, SHUT_WR);
            p->server_deaf = true;
            p->server->readable = p->server->edge = p->server->ending = true;
            break;
        }
        farewell_program(&p->farewell, (const char *)bytes, count);
        if (p->up_count)
            atomic_fetch_add_explicit(p->up_count, count, memory_order_relaxed);
        buffer_take(&p->up, count);
        p->moved += count;
        p->taken = moved = true;
    }
    if (p->server_deaf)
        buffer_take(&p->up, buffer_used(&p->up));
    return moved;
}

/*
 * Whether the program has closed, not half-closed, with SO_LINGER of 0 seconds, which drops unsent bytes and
 * resets the connection (socket(7)). Asks the kernel, because the read that found the end may have come
 * before the edge that reports it.
 */
static bool is_abort(const struct pump *p)
{
    struct pollfd end = {.fd = p->program->fd};

    return plain_drops_unsent(p->server->fd) && poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

/* Whether the server is not yet told about a half-close, because it may still have something to say. */
static bool is_held_back(const struct pump *p)
{
    return p->server->end_silences && p->program_ended && !p->program_deaf && buffer_used(&p->up) == 0 &&
           buffer_used(&p->held) == 0 && p->server_end == OPEN && !p->server_deaf && !p->answered;
}

static bool tell_server(struct pump *p)
{
    if (!p->program_ended || p->server_told)
        return false;
    if (!p->aborted && is_abort(p)) {
        p->aborted = true; /* the kernel sends the reset when the socket is closed */
        return false;
    }
    if (buffer_used(&p->up) > 0 || buffer_used(&p->held) > 0 || !p->server->writable || is_held_back(p))
        return false;
    p->server_told = p->server->finish(p->server) != FLOW_BLOCKED;
    return p->server_told;
}

/* ---- server to program ---- */

/* Copies what the server wrote, and inserts the watch's answers where they belong. */
static void watch_chunk(struct pump *p, const char *bytes, size_t length)
{
    char answer[STARTTLS_WATCH_ANSWER_LIMIT];

    while (length > 0) {
        const size_t taken = p->watch->watching ? starttls_watch_server(p->watch, bytes, length) : length;
        size_t count;

        if (!buffer_append(&p->down, bytes, taken))
            p->no_memory = true;
        bytes += taken;
        length -= taken;
        count = starttls_watch_answer(p->watch, answer);
        if (count > 0 && !buffer_append(&p->down, answer, count))
            p->no_memory = true;
        watch_held(p);
    }
}

/* Needs room for the watch's answers: each follows at least one byte of the chunk, or of the program's. */
static enum flow read_watched(struct pump *p, size_t room, size_t *count)
{
    char chunk[CHUNK];
    enum flow flow;

    *count = 0;
    if (room < CHUNK + 2 * (size_t)CHUNK)
        return FLOW_BLOCKED; /* there will be room once the program reads */
    flow = p->server->read(p->server, chunk, sizeof chunk, count);
    if (flow == FLOW_MOVED) {
        farewell_server(&p->farewell, chunk, *count);
        watch_chunk(p, chunk, *count);
    }
    explicit_bzero(chunk, *count);
    return flow;
}

static bool read_server(struct pump *p)
{
    bool moved = false;

    while (p->server->readable && p->server_end == OPEN &&
           (!p->server->read_needs_write || p->server->writable)) {
        size_t room, count = 0;
        enum flow flow;

        if (!buffer_open(&p->down, &room)) {
            p->no_memory = true;
            return false;
        }
        if (room == 0)
            break;
        if (p->watch && p->watch->watching) {
            flow = read_watched(p, room, &count);
        } else {
            flow = p->server->read(p->server, p->down.bytes + p->down.end, room, &count);
            if (flow == FLOW_MOVED) {
                farewell_server(&p->farewell, (const char *)p->down.bytes + p->down.end, count);
                buffer_put(&p->down, count);
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

static bool write_program(struct pump *p)
{
    ssize_t n;

    if (p->program_deaf)
        buffer_take(&p->down, buffer_used(&p->down));
    if (buffer_used(&p->down) == 0 || !p->program_writable)
        return false;
    n = relay_end_write(p->program, p->down.bytes + p->down.begin, buffer_used(&p->down));
    if (n < 0) {
        if (errno == EAGAIN)
            p->program_writable = false;
        else if (errno == ENOMEM || errno == ENOBUFS)
            p->no_memory = true; /* the program still reads: it must not wait for lost bytes */
        else
            p->program_deaf = true;
        return p->program_deaf;
    }
    if ((size_t)n < buffer_used(&p->down))
        p->program_writable = false;
    if (p->down_count)
        atomic_fetch_add_explicit(p->down_count, (uint64_t)n, memory_order_relaxed);
    buffer_take(&p->down, (size_t)n);
    p->moved += (size_t)n;
    return true;
}

static bool tell_program(struct pump *p)
{
    if (p->server_end != ENDED || p->program_told || buffer_used(&p->down) > 0)
        return false;
    p->program_told = true;
    if (!relay_end_finish(p->program))
        p->program_deaf = p->program_ended = p->server_told = true; /* all that is left is to close */
    p->program_readable = true;                                     /* from now on reads work differently */
    return true;
}

/* ---- the loop ---- */

static bool step(struct pump *p)
{
    bool moved = read_program(p);

    moved |= write_server(p);
    moved |= tell_server(p);
    moved |= read_server(p);
    moved |= write_program(p);
    moved |= tell_program(p);
    if (is_watched(p))
        moved |= watch_held(p);
    return moved;
}

/* Both sides know about each other's end, or the side that does not has gone. */
static bool is_over(const struct pump *p)
{
    if (p->no_memory || p->aborted || (p->server_end == CUT && buffer_used(&p->down) == 0))
        return true;
    if (p->server_deaf && p->program_told)
        return true; /* TCP is closed, so close the program's end too */
    if (p->program_deaf && p->program_ended)
        return p->server_end != OPEN && (p->server_told || p->server_deaf);
    return p->program_told && p->server_told;
}

static int64_t limit_of(const struct pump *p)
{
    if (p->program_gone || (p->program_deaf && p->program_ended))
        return p->server_told ? PUMP_LINGER : PUMP_FLUSH;
    if (is_held_back(p))
        return farewell_said(&p->farewell) ? PUMP_ANSWERS_FAREWELL : PUMP_ANSWERS;
    return p->program_told ? PUMP_FAREWELL : 0;
}

static void heard_program(struct pump *p, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->program_readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->program_ending = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        p->program_writable = true;
    if (events & EPOLLHUP)
        p->program_deaf = p->program_gone = true;
}

static void heard_server(struct pump *p, uint32_t events)
{
    struct stream *const s = p->server;

    /* The server had ended in order, and has now answered later bytes with a reset. */
    if (events & (EPOLLERR | EPOLLHUP) && p->server_end != OPEN)
        p->server_deaf = true;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->readable = s->edge = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->ending = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        s->writable = true;
}

/* False if the time is up, or if waiting fails. `at_once`: there is more to do, so do not wait. */
static bool wait_for_edge(struct pump *p, bool at_once)
{
    const bool output[SIDES] = {
        [PROGRAM_SIDE] = !p->program_writable && buffer_used(&p->down) > 0,
        [SERVER_SIDE] = !p->server->writable &&
                        (buffer_used(&p->up) > 0 || p->program_ended || p->server->read_needs_write),
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
                       !at_once && p->moved <= SHORT);
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
        if (limit_of(p) != limit || (p->taken && limit == PUMP_FLUSH) || (moved && is_held_back(p))) {
            limit = limit_of(p);
            p->deadline = limit > 0 ? plain_now() + limit : INT64_MAX;
        }
        p->taken = false;
        buffer_rest(&p->up);
        buffer_rest(&p->down);
        buffer_rest(&p->held);
        relay_end_make_room(p->program);
        if (!wait_for_edge(p, more)) {
            if (!is_held_back(p) || plain_now() < p->deadline)
                break;
            p->answered = true;
        }
    }
    relay_end_settle(p->program);
    return p->program_told || (p->program_deaf && p->program_ended) ? PUMP_ENDED : PUMP_CUT;
}

enum pump_end pump_run(const struct pumped *what)
{
    struct pump p = {.program = what->program,
                     .server = what->server,
                     .watch = what->watch,
                     .up_count = what->up,
                     .down_count = what->down,
                     .down = *what->greeting,
                     .held = what->said ? *what->said : (struct buffer){.bytes = NULL},
                     .server_deaf = what->mute,
                     .program_readable = true,
                     .program_writable = true,
                     .deadline = INT64_MAX};
    enum pump_end end = PUMP_CUT;

    *what->greeting = (struct buffer){.bytes = NULL};
    if (what->said)
        *what->said = (struct buffer){.bytes = NULL};
    farewell_begin(&p.farewell, what->protocol);
    if (edges_open(&p.edges, p.program->fd, p.server->fd))
        end = run(&p);
    buffer_drop(&p.up);
    buffer_drop(&p.down);
    buffer_drop(&p.held);
    edges_close(&p.edges);
    explicit_bzero(&p.farewell, sizeof p.farewell);
    return end;
}
