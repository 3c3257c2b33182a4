/* IMAP4rev1 (RFC 3501), IMAP4rev2 (RFC 9051), and STARTTLS in them (RFC 9051, 6.2.1). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "monitor/random.h"
#include "relay/protocol/dialogue.h"
#include "relay/protocol/starttls_watch.h"

enum { TAG_SIZE = 18 };

enum status { STATUS_BROKEN, STATUS_OK, STATUS_NO, STATUS_BAD };

struct answer {
    bool starttls;         /* an untagged CAPABILITY lists it */
    bool listed;           /* there was an untagged CAPABILITY */
    char said[SAID_LIMIT]; /* the tagged response, without the tag */
};

/*
 * Whether the greeting's response code lists STARTTLS (RFC 9051, 7.1 and 6.2.1). If it does we ask for TLS at
 * once, which saves a round trip. If it does not, that means nothing; and once TLS is up, none of the list is
 * believed.
 */
static bool greeting_offers(const char *line)
{
    static const char code[] = "* OK [CAPABILITY ";
    const char *end = strchr(line, ']');
    const char *word = line + sizeof code - 1;

    if (!end || strncasecmp(line, code, sizeof code - 1) != 0)
        return false;
    while (word < end) {
        const size_t length = strcspn(word, " ]");

        if (length == strlen("STARTTLS") && strncasecmp(word, "STARTTLS", length) == 0)
            return true;
        word += length + 1;
    }
    return false;
}

static enum outcome imap_greeting(struct plain *server, struct greeting *g, struct failure *why)
{
    char line[LINE_LIMIT];

    if (read_kept_line(server, g, line, why) < 0)
        return FAILED;
    g->starttls = greeting_offers(line);
    if (first_word_is(line, "* OK") || (g->preauth = first_word_is(line, "* PREAUTH")))
        return READY;
    if (first_word_is(line, "* BYE"))
        fail(why, FAILURE_SERVICE_REFUSED, server->server, line);
    else
        fail(why, FAILURE_MALFORMED, server->server, line, "an IMAP greeting");
    return FAILED;
}

/*
 * Whether `line` ends in a literal ("{12}", "~{12}"): 1, with its size in `*size`; 0 if not; -1 if it ends in
 * one that a server may not send ("{-1}", "{12+}", more than 32 bits; RFC 9051, 9).
 */
static int literal_at_end(const char *line, uint64_t *size)
{
    const size_t length = strlen(line);
    const char *brace = length > 0 && line[length - 1] == '}' ? strrchr(line, '{') : NULL;
    size_t digits;

    if (!brace)
        return 0;
    digits = strspn(brace + 1, "0123456789");
    if (digits == 0 || digits > 10 || brace[1 + digits] != '}' || sscanf(brace + 1, "%" SCNu64, size) != 1 ||
        *size > UINT32_MAX)
        return -1;
    return 1;
}

/*
 * Reads the rest of the response that `line` begins, including its literals. In the text of a status response
 * a brace is only text, unless it is in a response code. Overwrites `line`. `*lines` counts the lines.
 */
static bool finish_response(struct plain *server, char line[LINE_LIMIT], const char *text, int *lines,
                            struct failure *why)
{
    bool code = text && text[0] == '[' && !strchr(text, ']');

    while (!text || code) {
        uint64_t size;
        const int literal = literal_at_end(line, &size);

        if (literal == 0)
            break;
        if (literal < 0 || ++*lines > REPLY_LINES_LIMIT) {
            if (literal < 0)
                fail(why, FAILURE_MALFORMED, server->server, strrchr(line, '{'), "a literal");
            else
                fail(why, FAILURE_LINES_LIMIT, server->server);
            return false;
        }
        if (!plain_skip(server, size, why) || plain_read_line(server, line, why) < 0)
            return false;
        code = code && !strchr(line, ']');
    }
    return true;
}

/* Handles an untagged response, given without its "* ". */
static bool untagged(struct plain *server, char line[LINE_LIMIT], const char *response, struct answer *a,
                     int *lines, struct failure *why)
{
    const char *text = NULL;

    if (first_word_is(response, "BYE")) {
        fail(why, FAILURE_SERVICE_REFUSED, server->server, line);
        return false;
    }
    if (first_word_is(response, "PREAUTH") || response[0] == '\0' || response[0] == ' ') {
        fail(why, FAILURE_MALFORMED, server->server, line, "a response");
        return false;
    }
    if (first_word_is(response, "CAPABILITY")) {
        a->listed = true;
        for (const char *word = strchr(response, ' '); word; word = strchr(word + 1, ' ')) {
            if (first_word_is(word + 1, "STARTTLS"))
                a->starttls = true;
        }
    } else if (first_word_is(response, "OK") || first_word_is(response, "NO") ||
               first_word_is(response, "BAD")) {
        text = response + strcspn(response, " ");
        text += text[0] == ' ';
    }
    return finish_response(server, line, text, lines, why);
}

static enum status status_of(const char *text)
{
    if (first_word_is(text, "OK"))
        return STATUS_OK;
    if (first_word_is(text, "NO"))
        return STATUS_NO;
    return first_word_is(text, "BAD") ? STATUS_BAD : STATUS_BROKEN;
}

/* Reads all responses to the command `name`, up to the one with `tag`. */
static enum status hear(struct plain *server, const char *tag, const char *name, struct answer *a,
                        struct failure *why)
{
    char line[LINE_LIMIT];
    const char *response;
    enum status status;
    bool mine;

    *a = (struct answer){.listed = false};
    for (int lines = 0; lines < REPLY_LINES_LIMIT; lines++) {
        if (plain_read_line(server, line, why) < 0)
            return STATUS_BROKEN;
        if (line[0] == '*' && line[1] == ' ') {
            if (!untagged(server, line, line + 2, a, &lines, why))
                return STATUS_BROKEN;
            continue;
        }
        mine = strncmp(line, tag, strlen(tag)) == 0 && line[strlen(tag)] == ' ';
        response = mine ? line + strlen(tag) + 1 : line;
        clean_text(a->said, sizeof a->said, response, strlen(response));
        status = mine ? status_of(response) : STATUS_BROKEN;
        if (status == STATUS_BROKEN)
            fail(why, FAILURE_UNEXPECTED, server->server, a->said, name);
        return status;
    }
    fail(why, FAILURE_LINES_LIMIT, server->server);
    return STATUS_BROKEN;
}

/* Makes a tag that nobody can predict, so that no answer can be sent before the question (CVE-2026-42246). */
static bool make_tag(const struct plain *server, char tag[TAG_SIZE], struct failure *why)
{
    uint64_t random;

    if (!random_fill(&random, sizeof random)) {
        fail(why, FAILURE_RANDOM, server->server, strerror(errno));
        return false;
    }
    snprintf(tag, TAG_SIZE, "R%016" PRIX64, random);
    return true;
}

typedef bool sender(struct plain *server, const char *name, const char *line, struct failure *why);

/* Sends `name` by `send` and reads all responses. */
static enum status ask(struct plain *server, const char *name, sender *send, struct answer *a,
                       struct failure *why)
{
    char tag[TAG_SIZE], command[64];

    *a = (struct answer){.listed = false};
    if (!make_tag(server, tag, why))
        return STATUS_BROKEN;
    snprintf(command, sizeof command, "%s %s\r\n", tag, name);
    return send(server, name, command, why) ? hear(server, tag, name, a, why) : STATUS_BROKEN;
}

/* Asks the server for its capabilities. READY if it offers STARTTLS. */
static enum outcome ask_capabilities(struct plain *server, struct failure *why)
{
    struct answer a;
    const enum status status = ask(server, "CAPABILITY", send_command, &a, why);

    if (status == STATUS_BROKEN)
        return FAILED;
    if (status != STATUS_OK) {
        fail(why, FAILURE_CAPABILITIES_REFUSED, server->server, a.said, "CAPABILITY");
        return answered(server, "CAPABILITY", NOT_OFFERED, why);
    }
    if (!a.listed) {
        fail(why, FAILURE_UNEXPECTED, server->server, a.said, "CAPABILITY");
        return FAILED;
    }
    if (!a.starttls) {
        fail(why, FAILURE_NOT_OFFERED, server->server, "STARTTLS");
        return answered(server, "CAPABILITY", NOT_OFFERED, why);
    }
    return READY;
}

static enum outcome imap_upgrade(struct plain *server, const struct local_address *local,
                                 const struct greeting *g, struct failure *why)
{
    enum outcome offered = READY;
    struct answer a;

    (void)local;
    if (g->preauth) { /* STARTTLS is allowed only before authentication (RFC 9051, 6.2.1 and 7.1.4) */
        fail(why, FAILURE_PREAUTH, server->server);
        return answered(server, "the greeting", NOT_OFFERED, why);
    }
    if (!g->starttls)
        offered = ask_capabilities(server, why);
    if (offered != READY)
        return offered;
    switch (ask(server, "STARTTLS", send_upgrade, &a, why)) {
    case STATUS_BROKEN:
        return FAILED;
    case STATUS_OK:
        return answered(server, "STARTTLS", READY, why);
    default:
        fail(why, FAILURE_REFUSED, server->server, a.said, "STARTTLS");
        return answered(server, "STARTTLS", NOT_OFFERED, why);
    }
}

static bool imap_probe(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                       struct failure *why)
{
    char tag[TAG_SIZE];

    (void)local;
    if (!make_tag(server, tag, why))
        return false;
    snprintf(out, PROBE_LIMIT, "%s CAPABILITY\r\n", tag);
    return true;
}

/* The tag is proof; after CAPABILITY the list is needed too. */
static enum speaks imap_answer(struct plain *server, const char *command, bool must, struct failure *why)
{
    const char *space = strchr(command, ' ');
    char tag[STARTTLS_WATCH_TAG_LIMIT] = "";
    struct answer a;
    enum status status;

    if (!space || (size_t)(space - command) >= sizeof tag)
        return SPEAKS_NOT;
    memcpy(tag, command, (size_t)(space - command));
    status = hear(server, tag, space + 1, &a, why);
    if (status == STATUS_OK)
        return a.listed || !first_word_is(space + 1, "CAPABILITY") ? SPEAKS : SPEAKS_NOT;
    return status != STATUS_BROKEN && !must ? MAY_SPEAK : SPEAKS_NOT;
}

/* Has no response code: the program has to ask for the capabilities over TLS. */
static size_t imap_greet(const struct greeting *g, char out[GREETING_LIMIT])
{
    (void)g;
    return write_line(out, "* OK ", "retrotls ready", "\r\n");
}

static size_t imap_refuse(const char *text, char out[GREETING_LIMIT])
{
    return write_line(out, "* BYE retrotls: ", text, "\r\n");
}

const struct protocol protocol_imap = {
    .kind = PROTOCOL_IMAP,
    .greeting = imap_greeting,
    .upgrade = imap_upgrade,
    .greet = imap_greet,
    .refuse = imap_refuse,
    .tagged = true,
    .literals = true,
    .upgrade_command = "STARTTLS",
    .upgraded_already = " BAD retrotls: TLS is up already\r\n",
    .greeting_is_proof = true,
    .probe = imap_probe,
    .answer = imap_answer,
    .openings = {{.word = "CAPABILITY", .bare = true},
                 {.word = "NOOP", .bare = true},
                 {.word = "ID", .bare = false}},
};
