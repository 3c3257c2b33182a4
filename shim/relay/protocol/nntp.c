/* NNTP (RFC 3977) and STARTTLS in it (RFC 4642). MODE READER is left to the program. */
#include <string.h>

#include "relay/protocol/dialogue.h"

static enum outcome nntp_greeting(struct plain *server, struct greeting *g, struct failure *why)
{
    char line[LINE_LIMIT];

    if (read_kept_line(server, g, line, why) < 0)
        return FAILED;
    g->code = reply_code(line, " ");
    if (g->code == 200 || g->code == 201)
        return READY;
    if (g->code == 400 || g->code == 502)
        fail(why, FAILURE_SERVICE_REFUSED, server->server, line);
    else
        fail(why, FAILURE_MALFORMED, server->server, line, "an NNTP greeting");
    return FAILED;
}

/*
 * Reads one response line. READY for the code `positive`, NOT_OFFERED with `why` set to `refused` for a clean
 * refusal, else FAILED.
 */
static enum outcome response(struct plain *server, const char *command, int positive,
                             enum failure_kind refused, struct failure *why)
{
    /*
     * RFC 3977, 3.2.1: log in first (480), encrypt first (483), unknown command (500), syntax error (501),
     * not now or not permitted (502), not supported (503). RFC 4642, 2.2.2: cannot start TLS (580).
     */
    static const int refusals[] = {480, 483, 500, 501, 502, 503, 580, 0};
    char line[LINE_LIMIT];
    int code;

    if (plain_read_line(server, line, why) < 0)
        return FAILED;
    code = reply_code(line, " ");
    if (code == positive)
        return READY;
    if (is_code_of(code, refusals)) {
        fail(why, refused, server->server, line, command);
        return answered(server, command, NOT_OFFERED, why);
    }
    fail(why, FAILURE_UNEXPECTED, server->server, line, command);
    return FAILED;
}

static enum outcome nntp_upgrade(struct plain *server, const struct local_address *local,
                                 const struct greeting *g, struct failure *why)
{
    enum outcome outcome;
    bool starttls = false;

    (void)local, (void)g;
    if (!send_command(server, "CAPABILITIES", "CAPABILITIES\r\n", why))
        return FAILED;
    outcome = response(server, "CAPABILITIES", 101, FAILURE_CAPABILITIES_REFUSED, why);
    if (outcome != READY)
        return outcome;
    if (!read_dotted_list(server, "STARTTLS", &starttls, why))
        return FAILED;
    if (!starttls) {
        fail(why, FAILURE_NOT_OFFERED, server->server, "STARTTLS");
        return answered(server, "CAPABILITIES", NOT_OFFERED, why);
    }
    if (!send_upgrade(server, "STARTTLS", "STARTTLS\r\n", why))
        return FAILED;
    outcome = response(server, "STARTTLS", 382, FAILURE_REFUSED, why);
    return outcome == READY ? answered(server, "STARTTLS", READY, why) : outcome;
}

static bool nntp_probe(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                       struct failure *why)
{
    (void)server, (void)local, (void)why;
    strcpy(out, "CAPABILITIES\r\n");
    return true;
}

/*
 * RFC 3977: proof is a list with VERSION in it (5.2), 200 or 201 to MODE READER (5.3), or the time with all
 * its digits (7.1). SMTP and FTP have the same error codes.
 */
static enum speaks nntp_answer(struct plain *server, const char *command, bool must, struct failure *why)
{
    char line[LINE_LIMIT];
    bool version = false;
    int code;

    if (plain_read_line(server, line, why) < 0)
        return SPEAKS_NOT;
    code = reply_code(line, " ");
    if (code == 101 && first_word_is(command, "CAPABILITIES"))
        return read_dotted_list(server, "VERSION", &version, why) && version ? SPEAKS : SPEAKS_NOT;
    if ((code == 200 || code == 201) && first_word_is(command, "MODE"))
        return SPEAKS;
    if (code == 111 && first_word_is(command, "DATE") && strspn(line + 4, "0123456789") == 14)
        return SPEAKS;
    return !must && code >= 400 ? MAY_SPEAK : SPEAKS_NOT;
}

static size_t nntp_greet(const struct greeting *g, char out[GREETING_LIMIT])
{
    return g->code == 201 ? write_line(out, "201 ", "retrotls ready, no posting", "\r\n")
                          : write_line(out, "200 ", "retrotls ready, posting allowed", "\r\n");
}

static size_t nntp_refuse(const char *text, char out[GREETING_LIMIT])
{
    return write_line(out, "400 retrotls: ", text, "\r\n");
}

const struct protocol protocol_nntp = {
    .kind = PROTOCOL_NNTP,
    .greeting = nntp_greeting,
    .upgrade = nntp_upgrade,
    .greet = nntp_greet,
    .refuse = nntp_refuse,
    .upgrade_command = "STARTTLS",
    .upgraded_already = "502 retrotls: TLS is up already\r\n",
    .greeting_is_proof = true,
    .probe = nntp_probe,
    .answer = nntp_answer,
    .openings = {{.word = "CAPABILITIES", .list = true}, {.word = "MODE"}, {.word = "DATE", .bare = true}},
};
