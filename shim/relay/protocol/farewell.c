#include "relay/protocol/farewell.h"

#include <string.h>

#include "relay/protocol/farewell_grammars.h"

/* ---- lines ---- */

static void begin_line(struct farewell_lines *l)
{
    explicit_bzero(l->head, sizeof l->head);
    explicit_bzero(l->tail, sizeof l->tail);
    l->length = 0;
}

static void add_to_line(struct farewell_lines *l, const char *bytes, size_t length)
{
    if (l->length < sizeof l->head - 1) {
        const size_t room = sizeof l->head - 1 - l->length;

        memcpy(l->head + l->length, bytes, length < room ? length : room);
    }
    if (length < sizeof l->tail) {
        memmove(l->tail, l->tail + length, sizeof l->tail - length);
        memcpy(l->tail + sizeof l->tail - length, bytes, length);
    } else {
        memcpy(l->tail, bytes + length - sizeof l->tail, sizeof l->tail);
    }
    l->length += length;
}

/* ---- the count of replies ---- */

void farewell_give_up(struct farewell *f)
{
    f->protocol = PROTOCOL_AUTO;
    f->program.in_text = f->server.last = false;
    f->program.literal = 0;
}

void farewell_expect(struct farewell *f, enum kind kind)
{
    if (f->count == FAREWELL_COMMANDS) {
        farewell_give_up(f);
        return;
    }
    f->kinds[(f->first + f->count++) % FAREWELL_COMMANDS] = (uint8_t)kind;
}

void farewell_reply_ends(struct farewell *f, bool farewell)
{
    if (f->count == 0) { /* nobody asked */
        farewell_give_up(f);
        return;
    }
    f->first = (f->first + 1) % FAREWELL_COMMANDS;
    f->count--;
    f->server.last = farewell && f->count == 0 && f->program.last;
}

/* ---- the two streams ---- */

/*
 * A text ends with a line with a single dot, and no other line in it looks like that (RFC 1939, 3; RFC 3977,
 * 3.1.1). So if this text is all that the server owes, its last bytes show whether it is complete.
 */
static size_t follow_text(struct farewell *f, struct farewell_lines *l, const char *bytes, size_t length)
{
    static const char end[] = "\r\n.\r\n";
    size_t at = 0;

    if (l == &f->server && f->count == 1 && length > sizeof end - 1) {
        at = length - (sizeof end - 1);
        l->dot = 0;
    }
    while (at < length) {
        if (l->dot == 0) {
            const char *cr = memchr(bytes + at, '\r', length - at);

            if (!cr)
                return length;
            at = (size_t)(cr - bytes);
        }
        l->dot = bytes[at] == end[l->dot] ? l->dot + 1 : bytes[at] == '\r';
        at++;
        if (l->dot == sizeof end - 1) {
            l->in_text = false;
            if (l == &f->server)
                farewell_reply_ends(f, false);
            return at;
        }
    }
    return at;
}

static size_t follow_line(struct farewell *f, struct farewell_lines *l, const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\n', length);
    const size_t part = end ? (size_t)(end - bytes) : length;

    add_to_line(l, bytes, part);
    if (!end)
        return part;
    if (l == &f->program)
        farewell_grammars[f->protocol].command(f);
    else
        farewell_grammars[f->protocol].reply(f);
    begin_line(l);
    return part + 1;
}

static void follow(struct farewell *f, struct farewell_lines *l, const char *bytes, size_t length,
                   size_t tail)
{
    if (length > tail) {
        bytes += length - tail;
        length = tail;
        begin_line(l);
        l->length = FAREWELL_HEAD; /* how the line began is not known */
    }
    while (length > 0) {
        size_t taken;

        l->last = false;
        if (l->literal > 0) {
            taken = length < l->literal ? length : (size_t)l->literal;
            l->literal -= taken;
        } else {
            taken = (l->in_text ? follow_text : follow_line)(f, l, bytes, length);
        }
        bytes += taken;
        length -= taken;
    }
}

void farewell_begin(struct farewell *f, enum protocol_kind protocol)
{
    *f = (struct farewell){.protocol = protocol};
}

void farewell_program(struct farewell *f, const char *bytes, size_t length)
{
    follow(f, &f->program, bytes, length, farewell_grammars[f->protocol].command_tail);
}

void farewell_server(struct farewell *f, const char *bytes, size_t length)
{
    follow(f, &f->server, bytes, length, farewell_grammars[f->protocol].reply_tail);
}

bool farewell_said(const struct farewell *f)
{
    return f->program.last;
}

bool farewell_answered(const struct farewell *f)
{
    return f->program.last && f->server.last;
}
