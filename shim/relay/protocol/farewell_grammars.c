/* Each protocol's commands and replies, as far as counting replies requires (farewell.h). */
#include "relay/protocol/farewell_grammars.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct command {
    const char *word;
    enum kind kind;
};

/* Returns the line without its CR; NULL if the line is longer than what we keep of it. */
static const char *whole_line(struct farewell_lines *l)
{
    if (l->length >= FAREWELL_HEAD)
        return NULL;
    if (l->length > 0 && l->head[l->length - 1] == '\r')
        l->head[l->length - 1] = '\0';
    return strlen(l->head) + 1 >= l->length ? l->head : NULL;
}

static bool is_line(struct farewell_lines *l, const char *text)
{
    const char *line = whole_line(l);

    return line && strcasecmp(line, text) == 0;
}

/* True if `line` begins with `word`, followed by a space, a CR or the line's end. */
static bool has_word(const char *line, const char *word)
{
    const size_t length = strlen(word);

    return strncasecmp(line, word, length) == 0 && (line[length] == '\0' || strchr(" \r", line[length]));
}

/*
 * Returns 1 if the line ends in a literal ("{12}", "{12+}", "~{12}"), with its size in `*size`; 0 if it does
 * not; -1 if the literal is too large.
 */
static int literal_at_end(const struct farewell_lines *l, uint64_t *size)
{
    const char *at = l->tail + sizeof l->tail - 1;
    uint64_t digit = 1, sum = 0;

    at -= *at == '\r';
    if (*at-- != '}')
        return 0;
    at -= *at == '+';
    for (; at > l->tail && isdigit((unsigned char)*at); at--, digit *= 10)
        sum += digit * (uint64_t)(*at - '0');
    if (*at != '{')
        return isdigit((unsigned char)*at) ? -1 : 0;
    if (digit == 1)
        return 0;
    *size = sum;
    return 1;
}

/*
 * The server asks for the rest of a command. True if that can only be the last command; otherwise we stop
 * counting.
 */
static bool may_ask(struct farewell *f)
{
    if (f->count == 1 && f->program.length == 0 && !f->program.in_text && !f->data_line)
        return true;
    farewell_give_up(f);
    return false;
}

static void begin_text(struct farewell_lines *l)
{
    l->in_text = true;
    l->dot = 2; /* at the beginning of a line */
}

static enum kind kind_of(const struct command *known, const char *line)
{
    for (; known->word; known++) {
        const char *rest = line + strlen(known->word);

        if (!has_word(line, known->word))
            continue;
        if (known->kind != LISTED_BARE)
            return known->kind;
        if (*rest == '\0' || *rest == '\r')
            return LISTED;
        return rest[strspn(rest, " \r")] ? SINGLE : ANY;
    }
    return ANY;
}

/* SMTP, LMTP and unknown protocols: the farewell is QUIT, or LOGOUT with or without a tag. */
static void any_command(struct farewell *f)
{
    const char *line = whole_line(&f->program), *space = line ? strrchr(line, ' ') : NULL;

    f->program.last =
        line && (strcasecmp(line, "QUIT") == 0 || strcasecmp(space ? space + 1 : line, "LOGOUT") == 0);
}

static void no_reply(struct farewell *f)
{
    (void)f;
}

/* RFC 5321, 4.1.1.10: the code is 221, which no other reply has. */
static void smtp_reply(struct farewell *f)
{
    f->server.last = f->program.last && has_word(f->server.head, "221");
}

static void imap_command(struct farewell *f)
{
    const char *line = whole_line(&f->program), *space = line ? strchr(line, ' ') : NULL;

    f->program.last = space && space > line && strcasecmp(space + 1, "LOGOUT") == 0;
    if (!f->program.last)
        return;
    memcpy(f->tag, line, (size_t)(space - line));
    f->tag[space - line] = '\0';
}

/* A brace at the end of a status response is text. If it may belong to a response code, we stop counting. */
static void imap_reply(struct farewell *f)
{
    static const char *const statuses[] = {"* OK", "* NO", "* BAD", "* BYE", "* PREAUTH"};
    const char *const line = f->server.head;
    uint64_t size;
    const int literal = literal_at_end(&f->server, &size);

    if (!f->server.continued) {
        f->status = line[0] != '*'; /* with the command's tag, or "+" */
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
            f->status = f->status || has_word(line, statuses[i]);
        f->bye = f->bye || has_word(line, "* BYE");
        f->server.last =
            f->bye && f->program.last && has_word(line, f->tag) && has_word(line + strlen(f->tag) + 1, "OK");
    }
    f->server.continued = literal != 0 && !f->status;
    if (literal < 0 || (literal > 0 && f->status && strchr(line, '[')))
        farewell_give_up(f);
    else if (f->server.continued)
        f->server.literal = size;
}

/* RFC 1939; 2449 (CAPA), 5034 (AUTH), 6856 (UTF8, LANG), 2595 (STLS), 1225 (LAST). */
static void pop3_command(struct farewell *f)
{
    static const struct command known[] = {
        {"RETR", LISTED},      {"TOP", LISTED},       {"CAPA", LISTED},      {"LIST", LISTED_BARE},
        {"UIDL", LISTED_BARE}, {"LANG", LISTED_BARE}, {"AUTH", LISTED_BARE}, {"USER", SINGLE},
        {"PASS", SINGLE},      {"APOP", SINGLE},      {"STAT", SINGLE},      {"DELE", SINGLE},
        {"NOOP", SINGLE},      {"RSET", SINGLE},      {"QUIT", SINGLE},      {"UTF8", SINGLE},
        {"STLS", SINGLE},      {"LAST", SINGLE},      {NULL, ANY},
    };

    if (f->data_line) {
        f->data_line = false;
        return;
    }
    f->program.last = is_line(&f->program, "QUIT");
    farewell_expect(f, kind_of(known, f->program.head));
}

static void pop3_reply(struct farewell *f)
{
    const char *const line = f->server.head;
    const enum kind kind = f->count > 0 ? (enum kind)f->kinds[f->first] : ANY;

    if (has_word(line, "-ERR"))
        farewell_reply_ends(f, true);
    else if (has_word(line, "+") && may_ask(f))
        f->data_line = true;
    else if (!has_word(line, "+OK") || kind == ANY)
        farewell_give_up(f);
    else if (kind == LISTED)
        begin_text(&f->server);
    else
        farewell_reply_ends(f, true);
}

/* RFC 3977; 4644 (TAKETHIS). The code gives the kind of reply, except for GROUP and LISTGROUP. */
static void nntp_command(struct farewell *f)
{
    static const struct command known[] = {{"GROUP", SINGLE}, {"LISTGROUP", LISTED}, {NULL, ANY}};

    if (f->data_line) {
        f->data_line = false;
        return;
    }
    f->program.last = is_line(&f->program, "QUIT");
    if (has_word(f->program.head, "TAKETHIS"))
        begin_text(&f->program);
    farewell_expect(f, kind_of(known, f->program.head));
}

static bool is_one_of(int code, const int *codes)
{
    while (*codes && *codes != code)
        codes++;
    return *codes != 0;
}

static void nntp_reply(struct farewell *f)
{
    static const int single[] = {111, 200, 201, 203, 205, 223, 235, 238, 239, 240, 281, 283, 381, 0};
    static const int listed[] = {100, 101, 215, 220, 221, 222, 224, 225, 230, 231, 282, 0};
    const char *const line = f->server.head;
    int code = 0;

    for (int i = 0; i < 3 && isdigit((unsigned char)line[i]); i++)
        code = code * 10 + line[i] - '0';
    if (code < 100 || (line[3] && !strchr(" \r", line[3])))
        farewell_give_up(f);
    else if (code >= 400 || is_one_of(code, single))
        farewell_reply_ends(f, code == 205);
    else if (is_one_of(code, listed) || (code == 211 && f->count > 0 && f->kinds[f->first] == LISTED))
        begin_text(&f->server);
    else if (code == 211 && f->count > 0 && f->kinds[f->first] == SINGLE)
        farewell_reply_ends(f, false);
    else if ((code == 335 || code == 340) && may_ask(f)) /* it asks for the article */
        begin_text(&f->program);
    else if (code == 383 && may_ask(f)) /* SASL goes on (RFC 4643, 2.4) */
        f->data_line = true;
    else
        farewell_give_up(f); /* this includes 206: compressed from here on (RFC 8054) */
}

/* RFC 5804, 4: a command begins with a letter, an answer to a challenge is a string. */
static void sieve_command(struct farewell *f)
{
    const int literal = literal_at_end(&f->program, &f->program.literal);

    if (literal < 0) {
        farewell_give_up(f);
        return;
    }
    if (!f->program.continued)
        f->data_line = !isalpha((unsigned char)f->program.head[0]);
    f->program.last = !f->program.continued && is_line(&f->program, "LOGOUT");
    f->program.continued = literal > 0;
    if (!f->program.continued && !f->data_line)
        farewell_expect(f, SINGLE);
}

static void sieve_reply(struct farewell *f)
{
    const char *const line = f->server.head;
    const int literal = literal_at_end(&f->server, &f->server.literal);

    if (literal < 0) {
        farewell_give_up(f);
        return;
    }
    if (!f->server.continued) {
        f->ok = has_word(line, "OK");
        f->status = f->ok || has_word(line, "NO") || has_word(line, "BYE");
    }
    f->server.continued = literal > 0;
    if (!f->server.continued && f->status)
        farewell_reply_ends(f, f->ok);
}

enum { COMMAND_TAIL = 80, REPLY_TAIL = 1024 };

/* A protocol without a grammar does not compile. */
#define smtp_grammar                                      \
    {                                                     \
        any_command, smtp_reply, COMMAND_TAIL, REPLY_TAIL \
    }
#define lmtp_grammar smtp_grammar
#define imap_grammar                                     \
    {                                                    \
        imap_command, imap_reply, COMMAND_TAIL, SIZE_MAX \
    }
#define pop3_grammar                                 \
    {                                                \
        pop3_command, pop3_reply, SIZE_MAX, SIZE_MAX \
    }
#define nntp_grammar                                 \
    {                                                \
        nntp_command, nntp_reply, SIZE_MAX, SIZE_MAX \
    }
#define sieve_grammar                                  \
    {                                                  \
        sieve_command, sieve_reply, SIZE_MAX, SIZE_MAX \
    }

const struct farewell_grammar farewell_grammars[PROTOCOL_KINDS] = {
    [PROTOCOL_AUTO] = {any_command, no_reply, COMMAND_TAIL, 0},
#define PROTOCOL(KIND, name, ports, implicit_port) [PROTOCOL_##KIND] = name##_grammar,
#include "wire/protocols.def"
#undef PROTOCOL
};
