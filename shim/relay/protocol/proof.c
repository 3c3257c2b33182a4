#include "relay/protocol/proof.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "relay/io/edges.h"

enum {
    READ_AT_ONCE = 4096,
    UNASKED = 100, /* ms to read bytes that the server sends unasked */
};

/* What the program's next command is. */
enum saying {
    HARMLESS, /* one of the protocol's openings */
    UPGRADE,  /* it asks for TLS */
    OTHER,    /* anything else: it may hold a secret */
    NOT_YET,  /* not enough has arrived to decide */
};

/* ---- the program ---- */

static bool is_tag_byte(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\+", c);
}

/*
 * Classifies a command by the first `length` bytes of its word (all of it if `whole`) and what follows in its
 * line.
 */
static enum saying fit(const struct protocol *p, const char *word, size_t length, bool whole,
                       const char *rest, size_t rest_length)
{
    enum saying saying = OTHER;

    for (const struct opening *o = p->openings; o->word; o++) {
        if (length > strlen(o->word) || strncasecmp(word, o->word, length) != 0)
            continue;
        if (!whole)
            saying = NOT_YET;
        else if (length == strlen(o->word) && !(o->bare && rest_length > 0))
            saying = HARMLESS;
    }
    if (length <= strlen(p->upgrade_command) && strncasecmp(word, p->upgrade_command, length) == 0) {
        if (!whole)
            saying = NOT_YET;
        else if (length == strlen(p->upgrade_command))
            return UPGRADE;
    }
    for (size_t i = 0; i < rest_length; i++) {
        if (rest[i] < 0x20 || rest[i] > 0x7e)
            return OTHER;
    }
    return p->literals && rest_length > 0 && rest[rest_length - 1] == '}' ? OTHER : saying;
}

/* Classifies what the program said; `*line` is the length of the command, with its line end. */
static enum saying next_command(const struct protocol *p, const char *bytes, size_t length, size_t *line)
{
    const char *end = memchr(bytes, '\n', length);
    size_t text = end ? (size_t)(end - bytes) : length, tag = 0, word = 0;
    enum saying saying;

    *line = text + 1;
    if (text >= PROOF_LINE)
        return OTHER;
    if (end && text > 0 && bytes[text - 1] == '\r')
        text--;
    if (p->tagged) {
        while (tag < text && is_tag_byte(bytes[tag]))
            tag++;
        if (tag == text)
            return end ? OTHER : NOT_YET;
        if (tag == 0 || tag >= STARTTLS_WATCH_TAG_LIMIT || bytes[tag++] != ' ')
            return OTHER;
    }
    while (tag + word < text && isalnum((unsigned char)bytes[tag + word]))
        word++;
    if (tag + word == length)
        return fit(p, bytes + tag, word, false, "", 0);
    if (tag + word < text && !strchr(" \r", bytes[tag + word]))
        return OTHER;
    if (!end) { /* the word is complete, the line is not */
        saying = fit(p, bytes + tag, word, true, "", 0);
        return saying == OTHER ? OTHER : NOT_YET;
    }
    return fit(p, bytes + tag, word, true, bytes + tag + word, text - tag - word);
}

/*
 * Writes `unsent` to the program. If the program reads no more, drops it: what it wrote may still have to go
 * to the server.
 */
static void write_unsent(struct proof *p)
{
    while (p->program && buffer_used(p->unsent) > 0) {
        const ssize_t n =
            relay_end_write(p->program, p->unsent->bytes + p->unsent->begin, buffer_used(p->unsent));
        struct pollfd polled = {.fd = p->program->fd, .events = POLLOUT};

        if (n > 0) {
            atomic_fetch_add_explicit(p->down, (uint64_t)n, memory_order_relaxed);
            buffer_take(p->unsent, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            if (poll(&polled, 1, -1) < 0 && errno != EINTR)
                break;
        } else {
            break;
        }
    }
    buffer_drop(p->unsent);
}

/* ---- the server ---- */

/* Blames the service that answered, unless the failure has another cause. */
static enum proof_end failed(const struct proof *p, const char *command, struct failure *why)
{
    const struct buffer *unsent = p->unsent;
    char line[CLEAN_FIELD_LIMIT + 1] = "";
    size_t length = 0;

    switch (why->kind) {
    case FAILURE_NONE:
    case FAILURE_MALFORMED:
    case FAILURE_UNEXPECTED:
    case FAILURE_BYTE:
    case FAILURE_LINE_LIMIT:
    case FAILURE_LINES_LIMIT:
    case FAILURE_DIALOGUE_LIMIT:
        break;
    default:
        return PROOF_FAILED;
    }
    while (length < buffer_used(unsent) && !strchr("\r\n", unsent->bytes[unsent->begin + length]))
        length++;
    if (length > 0)
        clean_text(line, sizeof line, (const char *)unsent->bytes + unsent->begin, length);
    *why = (struct failure){.kind = FAILURE_NONE};
    fail(why, FAILURE_OTHER_SERVICE, p->server->server, protocol_kind_name(p->protocol->kind), line, command);
    return PROOF_FAILED;
}

/* Sends a command, with its line end. */
static bool say(struct proof *p, const char *bytes, size_t length, struct failure *why)
{
    p->server->consumed = 0;
    p->server->deadline = plain_now() + p->patience;
    return plain_send(p->server, bytes, length, why);
}

/* Reads the whole reply to that command into `unsent`. */
static enum speaks reply_to(struct proof *p, const char *bytes, size_t length, bool must, struct failure *why)
{
    char command[PROOF_LINE + 2];
    size_t text = length - 1;
    enum speaks speaks;

    text -= text > 0 && bytes[text - 1] == '\r';
    memcpy(command, bytes, text);
    command[text] = '\0';
    speaks = p->protocol->answer(p->server, command, must, why);
    if (speaks == SPEAKS_NOT)
        failed(p, command, why);
    return speaks;
}

/*
 * The program sees nothing of the question. It reads what it has not read yet, its greeting, while the server
 * prepares its reply.
 */
enum proof_end proof_ask(struct proof *p, struct failure *why)
{
    char command[PROBE_LIMIT];
    enum speaks speaks;

    if (!p->protocol->probe(p->server, p->local, command, why) || !say(p, command, strlen(command), why))
        return PROOF_FAILED;
    write_unsent(p);
    speaks = reply_to(p, command, strlen(command), true, why);
    buffer_drop(p->unsent);
    return speaks == SPEAKS ? PROOF_GIVEN : PROOF_FAILED;
}

/* Passes on the program's own question, the first `length` bytes of `said`. */
static enum speaks pass_on(struct proof *p, size_t length, struct failure *why)
{
    const char *const command = (const char *)p->said->bytes + p->said->begin;
    const enum speaks speaks =
        say(p, command, length, why) ? reply_to(p, command, length, false, why) : SPEAKS_NOT;

    buffer_take(p->said, length);
    atomic_fetch_add_explicit(p->up, length, memory_order_relaxed);
    if (speaks == MAY_SPEAK)
        write_unsent(p);
    return speaks;
}

/* Lets the watch answer a program that asks for TLS itself, in the first `length` bytes of `said`. */
static bool decline_upgrade(struct proof *p, size_t length)
{
    char forward[PROOF_LINE + STARTTLS_WATCH_HELD], answer[STARTTLS_WATCH_ANSWER_LIMIT];
    size_t count;

    starttls_watch_program(p->watch, (const char *)p->said->bytes + p->said->begin, length, forward, &count);
    buffer_take(p->said, length);
    count = starttls_watch_answer(p->watch, answer);
    if (!buffer_append(p->unsent, answer, count))
        return false;
    write_unsent(p);
    return true;
}

/* ---- what comes unasked, from either side ---- */

enum heard { HEARD_PROGRAM, HEARD_PROGRAM_END, HEARD_SERVER, HEARD_SERVER_END, HEARD_NOTHING, NO_MEMORY };

static enum heard hear_program(struct proof *p)
{
    size_t room;
    ssize_t n;

    if (!buffer_open(p->said, &room))
        return NO_MEMORY;
    n = relay_end_read(p->program, p->said->bytes + p->said->end, room < READ_AT_ONCE ? room : READ_AT_ONCE);
    if (n > 0) {
        buffer_put(p->said, (size_t)n);
        return HEARD_PROGRAM;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? HEARD_NOTHING : HEARD_PROGRAM_END;
}

static enum heard hear_server(struct proof *p)
{
    size_t room;
    ssize_t n;

    if (!buffer_open(p->unsent, &room))
        return NO_MEMORY;
    p->server->deadline = plain_now() + UNASKED;
    n = p->server->transport->read(p->server->transport, p->unsent->bytes + p->unsent->end, room);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? HEARD_NOTHING : HEARD_SERVER_END;
    buffer_put(p->unsent, (size_t)n);
    write_unsent(p);
    return HEARD_SERVER;
}

/*
 * How long to wait for an edge, in ms. Does not wait if the time for reading was up. This thread may have had
 * to wait for a processor, so that TLS looked only at the clock; and no edge will report the bytes that are
 * already there.
 */
static int patience(const struct proof *p)
{
    if (plain_now() >= p->server->deadline)
        return 0;
    return p->program->unsettled ? RELAY_END_UNSETTLED : -1;
}

/* Waits until either side says something. What the server says unasked goes to the program. */
static enum heard hear(struct proof *p, struct edges *edges)
{
    static const bool no_output[SIDES] = {false, false};
    uint32_t events[SIDES];
    enum heard heard;
    int count, wait;

    do {
        heard = hear_program(p);
        if (heard == HEARD_NOTHING)
            heard = hear_server(p);
        if (heard != HEARD_NOTHING)
            return heard;
        buffer_rest(p->said);
        buffer_rest(p->unsent);
        relay_end_make_room(p->program);
        wait = patience(p);
        count = edges_wait(edges, no_output, events, wait, true);
        if (count == 0 && wait > 0)
            relay_end_settle(p->program);
    } while (count >= 0 || errno == EINTR);
    return NO_MEMORY;
}

/* Whether the stream ended or broke within the reply. The program must then see the same end. */
static bool is_end(struct failure *why)
{
    const bool end = why->kind == FAILURE_CLOSED || why->kind == FAILURE_LOST;

    if (end)
        *why = (struct failure){.kind = FAILURE_NONE};
    return end;
}

/* What the program has said so far. */
static enum saying first_command(const struct proof *p, size_t *line)
{
    const size_t length = buffer_used(p->said);

    *line = 0;
    return length > 0 ? next_command(p->protocol, (const char *)p->said->bytes + p->said->begin, length, line)
                      : NOT_YET;
}

static enum proof_end talk(struct proof *p, struct edges *edges, struct failure *why)
{
    bool ended = false;

    write_unsent(p);
    for (;;) {
        size_t line;
        const enum saying saying = first_command(p, &line);

        if (saying == OTHER || (saying == NOT_YET && ended && buffer_used(p->said) > 0)) {
            *p->asks_first = true;
            return proof_ask(p, why);
        }
        if (saying == NOT_YET && ended)
            return PROOF_GIVEN;
        if (saying == HARMLESS) {
            switch (pass_on(p, line, why)) {
            case SPEAKS:
                return PROOF_GIVEN;
            case MAY_SPEAK:
                break;
            default:
                if (is_end(why))
                    return PROOF_ENDED;
                buffer_drop(p->unsent);
                return PROOF_FAILED;
            }
        } else if (saying == UPGRADE) {
            if (!decline_upgrade(p, line))
                break;
        } else {
            const enum heard heard = hear(p, edges);

            ended = heard == HEARD_PROGRAM_END;
            if (heard == HEARD_SERVER_END)
                return PROOF_ENDED;
            if (heard == NO_MEMORY)
                break;
        }
    }
    fail(why, FAILURE_NO_MEMORY, p->server->server);
    return PROOF_FAILED;
}

/* Asks although the program may begin with a question of its own: last time it did not. */
static enum proof_end ask_first(struct proof *p, struct failure *why)
{
    const enum proof_end end = proof_ask(p, why);
    size_t line;

    if (end == PROOF_GIVEN && hear_program(p) == HEARD_PROGRAM && first_command(p, &line) == HARMLESS)
        *p->asks_first = false;
    return end;
}

enum proof_end proof_run(struct proof *p, struct failure *why)
{
    struct edges edges;
    enum proof_end end;

    if (*p->asks_first)
        return ask_first(p, why);
    if (!edges_open(&edges, p->program->fd, p->server->transport->descriptor)) {
        fail(why, FAILURE_NO_MEMORY, p->server->server);
        return PROOF_FAILED;
    }
    end = talk(p, &edges, why);
    edges_close(&edges);
    return end;
}
