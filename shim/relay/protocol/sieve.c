/* ManageSieve (RFC 5804). The greeting is a capability list; the program gets the one after TLS unchanged. */
#include <string.h>
#include <strings.h>

#include "relay/protocol/dialogue.h"

enum status { STATUS_BROKEN, STATUS_OK, STATUS_NO, STATUS_BYE };

struct response {
    bool starttls;         /* STARTTLS is among the capabilities */
    int capabilities;      /* lines that are capabilities */
    char said[SAID_LIMIT]; /* the status line */
};

/* One response while it is read: strings may be literals, which cross line ends (RFC 5804, 1.2). */
struct reader {
    struct plain *server;
    char *out; /* every byte read is kept here; NULL: not kept */
    size_t size, length;
    struct failure *why;
    int lines;
    const char *at; /* within `line` */
    char line[LINE_LIMIT];
};

static bool malformed(struct reader *r)
{
    fail(r->why, FAILURE_MALFORMED, r->server->server, r->line, "a ManageSieve response");
    return false;
}

/* Whether `count` more bytes fit in `out`. */
static bool fits(struct reader *r, size_t count)
{
    if (!r->out || count <= r->size - r->length)
        return true;
    fail(r->why, FAILURE_GREETING_LIMIT, r->server->server);
    return false;
}

static bool next_line(struct reader *r)
{
    ssize_t length;

    if (++r->lines > REPLY_LINES_LIMIT) {
        fail(r->why, FAILURE_LINES_LIMIT, r->server->server);
        return false;
    }
    r->at = r->line;
    length = plain_read_line(r->server, r->line, r->why);
    if (length < 0 || !fits(r, (size_t)length + 2))
        return false;
    if (r->out) {
        memcpy(r->out + r->length, r->line, (size_t)length);
        memcpy(r->out + r->length + length, "\r\n", 2);
        r->length += (size_t)length + 2;
    }
    return true;
}

/*
 * Skips "{12}" at the end of the line and the literal's bytes, and reads the line that goes on after them. No
 * name that we look for is in there.
 */
static bool skip_literal(struct reader *r)
{
    size_t size = 0, digits = strspn(r->at + 1, "0123456789");

    if (digits == 0 || digits > 9 || strcmp(r->at + 1 + digits, "}") != 0)
        return malformed(r);
    for (const char *digit = r->at + 1; *digit != '}'; digit++)
        size = size * 10 + (size_t)(*digit - '0');
    if (!fits(r, size))
        return false;
    if (r->out) {
        if (!plain_read(r->server, r->out + r->length, size, r->why))
            return false;
        r->length += size;
    } else if (!plain_skip(r->server, size, r->why)) {
        return false;
    }
    return next_line(r);
}

/* A quoted string or a literal. */
static bool skip_string(struct reader *r)
{
    if (*r->at == '{')
        return skip_literal(r);
    if (*r->at++ != '"')
        return malformed(r);
    while (*r->at != '"') {
        if (*r->at == '\\')
            r->at++;
        if (*r->at++ == '\0') {
            r->at--;
            return malformed(r);
        }
    }
    r->at++;
    return true;
}

/* A response code in parentheses, which may nest and hold strings. */
static bool skip_code(struct reader *r)
{
    int depth = 0;

    do {
        if (*r->at == '"' || *r->at == '{') {
            if (!skip_string(r))
                return false;
            continue;
        }
        if (*r->at == '\0')
            return malformed(r);
        depth += (*r->at == '(') - (*r->at == ')');
        r->at++;
    } while (depth > 0);
    return true;
}

/* What may follow OK, NO and BYE: a code, a text. */
static bool finish_status(struct reader *r)
{
    if (r->at[0] == ' ' && r->at[1] == '(') {
        r->at++;
        if (!skip_code(r))
            return false;
    }
    if (r->at[0] == ' ') {
        r->at++;
        if (!skip_string(r))
            return false;
    }
    return *r->at == '\0' || malformed(r);
}

/* A name, and a value if it has one. */
static bool read_capability(struct reader *r, struct response *response)
{
    static const char offer[] = "\"STARTTLS\"";

    if (strncasecmp(r->at, offer, sizeof offer - 1) == 0)
        response->starttls = true;
    response->capabilities++;
    if (!skip_string(r))
        return false;
    if (*r->at == ' ') {
        r->at++;
        if (!skip_string(r))
            return false;
    }
    return *r->at == '\0' || malformed(r);
}

static enum status read_response(struct reader *r, struct response *response)
{
    static const char *const words[] = {[STATUS_OK] = "OK", [STATUS_NO] = "NO", [STATUS_BYE] = "BYE"};

    *response = (struct response){.capabilities = 0};
    while (next_line(r)) {
        if (*r->at == '"' || *r->at == '{') {
            if (!read_capability(r, response))
                return STATUS_BROKEN;
            continue;
        }
        clean_text(response->said, sizeof response->said, r->line, strlen(r->line));
        for (enum status status = STATUS_OK; status <= STATUS_BYE; status++) {
            if (first_word_is(r->line, words[status])) {
                r->at += strlen(words[status]);
                return finish_status(r) ? status : STATUS_BROKEN;
            }
        }
        malformed(r);
        break;
    }
    return STATUS_BROKEN;
}

/* Reads a capability list that ends with OK. */
static bool read_list(struct reader *r, struct response *response)
{
    switch (read_response(r, response)) {
    case STATUS_OK:
        return response->capabilities > 0 || malformed(r);
    case STATUS_BROKEN:
        return false;
    default:
        fail(r->why, FAILURE_SERVICE_REFUSED, r->server->server, response->said);
        return false;
    }
}

static enum outcome sieve_greeting(struct plain *server, struct greeting *g, struct failure *why)
{
    struct reader r = {.server = server, .out = g->raw, .size = sizeof g->raw, .why = why};
    struct response response;
    const bool read = read_list(&r, &response);

    g->raw_length = r.length;
    g->starttls = response.starttls;
    return read ? READY : FAILED;
}

static enum outcome sieve_upgrade(struct plain *server, const struct local_address *local,
                                  const struct greeting *g, struct failure *why)
{
    struct reader r = {.server = server, .why = why};
    struct response response;

    (void)local;
    if (!g->starttls) {
        fail(why, FAILURE_NOT_OFFERED, server->server, "STARTTLS");
        return answered(server, "the greeting", NOT_OFFERED, why);
    }
    if (!send_upgrade(server, "STARTTLS", "STARTTLS\r\n", why))
        return FAILED;
    switch (read_response(&r, &response)) {
    case STATUS_OK:
        if (response.capabilities == 0)
            return answered(server, "STARTTLS", READY, why);
        fail(why, FAILURE_UNEXPECTED, server->server, "a list of capabilities", "STARTTLS");
        return FAILED;
    case STATUS_NO:
        fail(why, FAILURE_REFUSED, server->server, response.said, "STARTTLS");
        return answered(server, "STARTTLS", NOT_OFFERED, why);
    case STATUS_BYE:
        fail(why, FAILURE_SERVICE_REFUSED, server->server, response.said);
        return FAILED;
    default:
        return FAILED;
    }
}

static size_t sieve_greet_over_tls(struct plain *server, char *out, size_t size, struct failure *why)
{
    struct reader r = {.server = server, .out = out, .size = size, .why = why};
    struct response response;

    return read_list(&r, &response) ? r.length : 0;
}

static size_t sieve_refuse(const char *text, char out[GREETING_LIMIT])
{
    return write_line(out, "BYE \"retrotls: ", text, "\"\r\n");
}

const struct protocol protocol_sieve = {
    .kind = PROTOCOL_SIEVE,
    .greeting = sieve_greeting,
    .upgrade = sieve_upgrade,
    .greet_over_tls = sieve_greet_over_tls,
    .refuse = sieve_refuse,
    .literals = true,
    .upgrade_command = "STARTTLS",
    .upgraded_already = "NO \"retrotls: TLS is up already\"\r\n",
    .greeting_is_proof = true,
    .openings = {{.word = "CAPABILITY", .bare = true}, {.word = "NOOP"}},
};
