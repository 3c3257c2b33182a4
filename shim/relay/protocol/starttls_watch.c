#include "relay/protocol/starttls_watch.h"

#include <string.h>
#include <strings.h>

void starttls_watch_begin(struct starttls_watch *w, const struct protocol *protocol)
{
    *w = (struct starttls_watch){.watching = true, .protocol = protocol};
}

static void forward_held(struct starttls_watch *w, char *forward, size_t *length)
{
    memcpy(forward + *length, w->held, w->held_length);
    *length += w->held_length;
    w->held_length = 0;
}

/* True if the `length` bytes at `text` are a beginning of `word` or, if `whole`, all of it. */
static bool begins(const char *text, size_t length, const char *word, bool whole)
{
    const size_t all = strlen(word);

    return length <= all && (!whole || length == all) && strncasecmp(text, word, length) == 0;
}

static bool is_tag_byte(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\+", c);
}

/*
 * Returns the offset of the command word in the held bytes; `held_length` if the tag before it is still
 * incomplete; STARTTLS_WATCH_HELD if that is not a tag.
 */
static size_t word_offset(const struct starttls_watch *w)
{
    size_t length = 0;

    if (!w->protocol->tagged)
        return 0;
    while (length < w->held_length && is_tag_byte(w->held[length]))
        length++;
    if (length >= STARTTLS_WATCH_TAG_LIMIT ||
        (length < w->held_length && (length == 0 || w->held[length] != ' ')))
        return STARTTLS_WATCH_HELD;
    return length < w->held_length ? length + 1 : length;
}

/* Looks at the held bytes, after each new one. Returns false if the watch is over. */
static bool look_at_held(struct starttls_watch *w, char *forward, size_t *length)
{
    const size_t offset = word_offset(w);
    const char last = w->held[w->held_length - 1];
    const bool whole = last == ' ' || last == '\r' || last == '\n';
    const char *word = w->held + offset;
    size_t word_length;

    if (offset == STARTTLS_WATCH_HELD)
        return false;
    if (offset == w->held_length)
        return true;
    word_length = w->held_length - offset - whole;
    if (begins(word, word_length, w->protocol->upgrade_command, whole)) {
        if (!whole)
            return true;
        w->command = COMMAND_SWALLOWED;
        memcpy(w->tag, w->held, offset > 0 ? offset - 1 : 0);
        w->tag[offset > 0 ? offset - 1 : 0] = '\0';
        w->held_length = 0;
        return true;
    }
    for (const struct opening *o = w->protocol->openings; o->word; o++) {
        if (begins(word, word_length, o->word, whole)) {
            if (!whole)
                return true;
            w->command = COMMAND_GOES_ON;
            w->list = o->list;
            w->last = 0;
            forward_held(w, forward, length);
            return true;
        }
    }
    return false;
}

/* An opening command has ended and gone to the server. Returns false if the watch is over. */
static bool expect_reply(struct starttls_watch *w)
{
    if ((w->protocol->literals && w->last == '}') || w->unanswered == STARTTLS_WATCH_COMMANDS)
        return false; /* what follows may be a literal's bytes, not a command */
    if (w->list)
        w->lists |= UINT32_C(1) << w->unanswered;
    w->unanswered++;
    w->command = COMMAND_BEGINS;
    return true;
}

/* Takes one byte from the program. Returns false if the watch is over; even then it has taken the byte. */
static bool take(struct starttls_watch *w, char byte, char *forward, size_t *length)
{
    if (w->command == COMMAND_BEGINS) {
        w->held[w->held_length++] = byte;
        if (!look_at_held(w, forward, length))
            return false;
    } else if (w->command == COMMAND_GOES_ON) {
        forward[(*length)++] = byte;
    }
    if (byte != '\r' && byte != '\n')
        w->last = byte;
    if (byte == '\n' && w->command == COMMAND_GOES_ON)
        return expect_reply(w);
    if (byte == '\n' && w->command == COMMAND_SWALLOWED) {
        w->command = COMMAND_BEGINS;
        w->owed = true;
    }
    return true;
}

size_t starttls_watch_program(struct starttls_watch *w, const char *bytes, size_t length, char *forward,
                              size_t *forward_length)
{
    size_t taken = 0;

    *forward_length = 0;
    while (w->watching && !w->owed && taken < length)
        w->watching = take(w, bytes[taken++], forward, forward_length);
    if (!w->watching) {
        forward_held(w, forward, forward_length);
        memcpy(forward + *forward_length, bytes + taken, length - taken);
        *forward_length += length - taken;
        taken = length;
    }
    return taken;
}

size_t starttls_watch_end(struct starttls_watch *w, char *forward)
{
    size_t length = 0;

    forward_held(w, forward, &length);
    w->ended = true;
    w->watching = w->owed;
    return length;
}

static bool line_begins(const struct starttls_watch *w, const char *text)
{
    return w->line_length >= strlen(text) && strncmp(w->line, text, strlen(text)) == 0;
}

/* True if the line that has just ended is the last of its reply. Notes what we know about the next line. */
static bool reply_ends(struct starttls_watch *w)
{
    const bool list = w->lists & 1;

    if (w->in_list) {
        w->in_list = !(w->line_length == 1 && w->line[0] == '.');
        return !w->in_list;
    }
    switch (w->protocol->kind) {
    case PROTOCOL_POP3:
        w->in_list = list && line_begins(w, "+OK");
        return !w->in_list;
    case PROTOCOL_NNTP:
        w->in_list = list && line_begins(w, "101");
        return !w->in_list;
    case PROTOCOL_IMAP:
    case PROTOCOL_SIEVE:
        if (!w->continued && w->protocol->kind == PROTOCOL_IMAP)
            w->status = !line_begins(w, "* ") && !line_begins(w, "+");
        else if (!w->continued)
            w->status = w->line[0] != '"' && w->line[0] != '{';
        w->continued = w->brace == BRACE_CLOSED && (!w->status || w->protocol->kind == PROTOCOL_SIEVE) &&
                       !line_begins(w, "* OK ") && !line_begins(w, "* NO ") && !line_begins(w, "* BAD ") &&
                       !line_begins(w, "* BYE ");
        if (w->continued)
            w->literal = w->size;
        return !w->continued && w->status;
    case PROTOCOL_SMTP:
    case PROTOCOL_LMTP:
    case PROTOCOL_AUTO:  /* never watched */
    case PROTOCOL_KINDS: /* not a protocol; listed so that the compiler reports a missing one */
        break;
    }
    w->in_reply = w->line_length > 3 && w->line[3] == '-';
    return !w->in_reply;
}

/* Notes whether the line so far ends in "{digits}". */
static void look_for_literal(struct starttls_watch *w, char byte)
{
    if (byte == '{') {
        w->brace = IN_BRACE;
        w->size = 0;
    } else if (w->brace == IN_BRACE && byte >= '0' && byte <= '9' && w->size <= UINT32_MAX) {
        w->size = w->size * 10 + (uint64_t)(byte - '0');
    } else {
        w->brace = w->brace == IN_BRACE && byte == '}' ? BRACE_CLOSED : NO_BRACE;
    }
}

/* True if an answer is due. It must not split a response, not even an unsolicited one. */
static bool is_due(const struct starttls_watch *w)
{
    return w->owed && w->unanswered == 0 && w->line_length == 0 && !w->in_reply && !w->continued;
}

static void end_line(struct starttls_watch *w)
{
    if (reply_ends(w) && w->unanswered > 0) {
        w->unanswered--;
        w->lists >>= 1;
    }
    w->line_length = 0;
    w->line[0] = '\0';
    w->brace = NO_BRACE;
}

size_t starttls_watch_server(struct starttls_watch *w, const char *bytes, size_t length)
{
    size_t taken = 0;

    while (w->watching && taken < length) {
        const char byte = bytes[taken++];

        if (w->literal > 0) {
            w->literal--;
        } else if (byte == '\n') {
            end_line(w);
            if (is_due(w))
                return taken;
        } else if (byte != '\r') {
            if (w->line_length < sizeof w->line)
                w->line[w->line_length] = byte;
            w->line_length++;
            look_for_literal(w, byte);
        }
    }
    return length;
}

size_t starttls_watch_answer(struct starttls_watch *w, char out[STARTTLS_WATCH_ANSWER_LIMIT])
{
    if (!w->watching || !is_due(w))
        return 0;
    w->owed = false;
    w->watching = !w->ended;
    return (size_t)(stpcpy(stpcpy(out, w->tag), w->protocol->upgraded_already) - out);
}
