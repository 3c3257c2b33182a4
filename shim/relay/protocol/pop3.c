/* POP3 (RFC 1939), CAPA (RFC 2449), STLS (RFC 2595, 4). */
#include <string.h>

#include "relay/protocol/dialogue.h"

static bool is_ok(const char *line)
{
    return strncmp(line, "+OK", 3) == 0 && (line[3] == '\0' || line[3] == ' ');
}

static bool is_err(const char *line)
{
    return strncmp(line, "-ERR", 4) == 0 && (line[4] == '\0' || line[4] == ' ');
}

/*
 * The APOP timestamp is hashed together with the password, so whoever can choose it freely learns about the
 * password (CVE-2007-1558). It must therefore be a message id and nothing else: "<", atoms and dots, "@",
 * atoms and dots, ">".
 */
static void keep_timestamp(struct greeting *g, const char *line)
{
    static const char atoms[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
    const char *start = strchr(line, '<');
    size_t local, domain;

    if (!start)
        return;
    local = strspn(start + 1, atoms);
    if (local == 0 || start[1 + local] != '@')
        return;
    domain = strspn(start + 2 + local, atoms);
    if (domain == 0 || start[2 + local + domain] != '>' || local + domain + 3 >= sizeof g->timestamp)
        return;
    memcpy(g->timestamp, start, local + domain + 3);
}

static enum outcome pop3_greeting(struct plain *server, struct greeting *g, struct failure *why)
{
    char line[LINE_LIMIT];

    if (read_kept_line(server, g, line, why) < 0)
        return FAILED;
    if (is_err(line)) {
        fail(why, FAILURE_SERVICE_REFUSED, server->server, line);
        return FAILED;
    }
    if (!is_ok(line)) {
        fail(why, FAILURE_MALFORMED, server->server, line, "a POP3 greeting");
        return FAILED;
    }
    keep_timestamp(g, line);
    return READY;
}

/* Reads one status line. READY for +OK, NOT_OFFERED with `why` set to `refused` for -ERR, else FAILED. */
static enum outcome status(struct plain *server, const char *command, enum failure_kind refused,
                           struct failure *why)
{
    char line[LINE_LIMIT];

    if (plain_read_line(server, line, why) < 0)
        return FAILED;
    if (is_ok(line))
        return READY;
    if (is_err(line)) {
        fail(why, refused, server->server, line, command);
        return answered(server, command, NOT_OFFERED, why);
    }
    fail(why, FAILURE_UNEXPECTED, server->server, line, command);
    return FAILED;
}

static enum outcome pop3_upgrade(struct plain *server, const struct local_address *local,
                                 const struct greeting *g, struct failure *why)
{
    enum outcome outcome;
    bool stls = false;

    (void)local, (void)g;
    if (!send_command(server, "CAPA", "CAPA\r\n", why))
        return FAILED;
    outcome = status(server, "CAPA", FAILURE_CAPABILITIES_REFUSED, why);
    if (outcome != READY)
        return outcome;
    if (!read_dotted_list(server, "STLS", &stls, why))
        return FAILED;
    if (!stls) {
        fail(why, FAILURE_NOT_OFFERED, server->server, "STLS");
        return answered(server, "CAPA", NOT_OFFERED, why);
    }
    if (!send_upgrade(server, "STLS", "STLS\r\n", why))
        return FAILED;
    outcome = status(server, "STLS", FAILURE_REFUSED, why);
    return outcome == READY ? answered(server, "STLS", READY, why) : outcome;
}

static bool pop3_probe(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                       struct failure *why)
{
    (void)server, (void)local, (void)why;
    strcpy(out, "CAPA\r\n");
    return true;
}

/* Other services also say +OK (Redis, for one), so the list has to follow. */
static enum speaks pop3_answer(struct plain *server, const char *command, bool must, struct failure *why)
{
    char line[LINE_LIMIT];
    bool found = false;

    if (plain_read_line(server, line, why) < 0)
        return SPEAKS_NOT;
    if (is_ok(line) && first_word_is(command, "CAPA"))
        return read_dotted_list(server, "", &found, why) ? SPEAKS : SPEAKS_NOT;
    return !must && (is_ok(line) || is_err(line)) ? MAY_SPEAK : SPEAKS_NOT;
}

static size_t pop3_greet(const struct greeting *g, char out[GREETING_LIMIT])
{
    return write_line(out, g->timestamp[0] ? "+OK retrotls ready " : "+OK retrotls ready", g->timestamp,
                      "\r\n");
}

/* RFC 3206: SYS/TEMP means that neither the password nor the mailbox is at fault. */
static size_t pop3_refuse(const char *text, char out[GREETING_LIMIT])
{
    return write_line(out, "-ERR [SYS/TEMP] retrotls: ", text, "\r\n");
}

const struct protocol protocol_pop3 = {
    .kind = PROTOCOL_POP3,
    .greeting = pop3_greeting,
    .upgrade = pop3_upgrade,
    .greet = pop3_greet,
    .refuse = pop3_refuse,
    .upgrade_command = "STLS",
    .upgraded_already = "-ERR retrotls: TLS is up already\r\n",
    .greeting_is_proof = true,
    .probe = pop3_probe,
    .answer = pop3_answer,
    .openings = {{.word = "CAPA", .bare = true, .list = true},
                 {.word = "NOOP", .bare = true},
                 {.word = "UTF8", .bare = true}},
};
