#include "wire/greeting.h"

#include <string.h>
#include <strings.h>

/* One line, without its line end; `ended` if that was there. */
struct line {
    const char *at, *end;
    bool ended;
};

static bool begins(struct line line, const char *word)
{
    const size_t length = strlen(word);

    return (size_t)(line.end - line.at) >= length && strncasecmp(line.at, word, length) == 0;
}

static bool holds(struct line line, const char *word)
{
    for (; line.at < line.end; line.at++) {
        if (begins(line, word))
            return true;
    }
    return false;
}

/* Whether `word` comes first and ends there: before a space, or (`alone`) as all of the line. */
static bool first_is(struct line line, const char *word, bool alone)
{
    const char *const after = line.at + strlen(word);

    return begins(line, word) && (after < line.end ? *after == ' ' : alone);
}

static enum protocol_kind smtp_or_lmtp(struct line words)
{
    if (holds(words, "SMTP"))
        return PROTOCOL_SMTP;
    return holds(words, "LMTP") ? PROTOCOL_LMTP : PROTOCOL_AUTO;
}

/*
 * RFC 5321, 4.2; RFC 2033. FTP servers greet with 220 too (RFC 959, 5.4), and host names contain all sorts of
 * words, so what follows the server's name counts first.
 */
static enum protocol_kind of_smtp(struct line line, enum greeting_for who)
{
    static const char codes[][4] = {"220", "421", "554"}; /* the last two refuse */
    struct line words = line;
    enum protocol_kind kind;
    bool known = false;

    for (size_t i = 0; i < (who == GREETING_GUARDED ? sizeof codes / sizeof codes[0] : 1); i++)
        known |= begins(line, codes[i]);
    if (!known || line.end - line.at < 4 || (line.at[3] != ' ' && line.at[3] != '-'))
        return PROTOCOL_AUTO;
    words.at += 4;
    words.at = memchr(words.at, ' ', (size_t)(words.end - words.at));
    if (!words.at)
        words = line;
    if (holds(who == GREETING_GUARDED ? line : words, "FTP"))
        return PROTOCOL_AUTO;
    kind = smtp_or_lmtp(words);
    return kind == PROTOCOL_AUTO && who == GREETING_GUARDED ? smtp_or_lmtp(line) : kind;
}

static bool is_smtp(struct line line, enum greeting_for who)
{
    return of_smtp(line, who) == PROTOCOL_SMTP;
}

static bool is_lmtp(struct line line, enum greeting_for who)
{
    return of_smtp(line, who) == PROTOCOL_LMTP;
}

static const char smtp_starts[][5] = {"220", "421", "554", ""};
static const char lmtp_starts[][5] = {"220", "421", "554", ""};

/* RFC 3977, 5.1.1. Other services use these codes too. INN and similar servers say what they are. */
static bool is_nntp(struct line line, enum greeting_for who)
{
    if (!first_is(line, "200", true) && !first_is(line, "201", true))
        return false;
    return who == GREETING_GUARDED || holds(line, "NNTP") || holds(line, "NNRP") || holds(line, "News");
}

static const char nntp_starts[][5] = {"200", "201", ""};

/* RFC 9051, 7.1. */
static bool is_imap(struct line line, enum greeting_for who)
{
    const bool guarded = who == GREETING_GUARDED;

    return first_is(line, "* OK", guarded) || first_is(line, "* PREAUTH", guarded) ||
           (guarded && first_is(line, "* BYE", true));
}

static const char imap_starts[][5] = {"* ", ""};

/* RFC 1939, 4. */
static bool is_pop3(struct line line, enum greeting_for who)
{
    return first_is(line, "+OK", line.ended || who == GREETING_GUARDED) ||
           (who == GREETING_GUARDED && first_is(line, "-ERR", true));
}

static const char pop3_starts[][5] = {"+OK", "-ERR", ""};

/* RFC 5804, 1.7: one of these comes first; the first two are what servers begin with. */
static bool is_sieve(struct line line, enum greeting_for who)
{
    static const char *const names[] = {"\"IMPLEMENTATION\"", "\"SIEVE\"",        "\"SASL\"",
                                        "\"STARTTLS\"",       "\"MAXREDIRECTS\"", "\"NOTIFY\"",
                                        "\"LANGUAGE\"",       "\"OWNER\"",        "\"VERSION\""};

    for (size_t i = 0; i < (who == GREETING_GUARDED ? sizeof names / sizeof names[0] : 2); i++) {
        if (begins(line, names[i]))
            return true;
    }
    return false;
}

static const char sieve_starts[][5] = {"\"", ""};

/*
 * Whether a line is a protocol's greeting, and how that may begin. A protocol without these does not compile.
 * If a line fits several, the first counts.
 */
static const struct {
    bool (*is)(struct line line, enum greeting_for who);
    const char (*starts)[5]; /* ends with "" */
} greetings[PROTOCOL_KINDS] = {
#define PROTOCOL(KIND, name, ports, implicit_port) [PROTOCOL_##KIND] = {is_##name, name##_starts},
#include "wire/protocols.def"
#undef PROTOCOL
};

enum protocol_kind greeting_protocol(const char *bytes, size_t length, enum greeting_for who)
{
    const char *const lf = memchr(bytes, '\n', length);
    struct line line = {.at = bytes, .end = lf ? lf : bytes + length, .ended = lf != NULL};

    if (line.end > line.at && line.end[-1] == '\r') {
        line.end--;
        line.ended = true;
    }
    for (int kind = PROTOCOL_FIRST; kind < PROTOCOL_KINDS; kind++)
        if (greetings[kind].is(line, who))
            return (enum protocol_kind)kind;
    return PROTOCOL_AUTO;
}

bool greeting_may_begin(const char *bytes, size_t length)
{
    for (int kind = PROTOCOL_FIRST; kind < PROTOCOL_KINDS; kind++) {
        for (size_t i = 0; greetings[kind].starts[i][0] != '\0'; i++) {
            const char *const start = greetings[kind].starts[i];
            const size_t known = strlen(start);

            if (memcmp(bytes, start, length < known ? length : known) == 0)
                return true;
        }
    }
    return false;
}
