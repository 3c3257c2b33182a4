/*
 * SMTP (RFC 5321) and STARTTLS in it (RFC 3207); LMTP (RFC 2033), which differs in one command.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "relay/protocol/dialogue.h"

struct reply {
    int code;
    bool starttls;   /* a line after the first has the keyword STARTTLS */
    char first[272]; /* the first line, cut: a code and a host name fit */
};

/* Reads one reply. All its lines have the same code; in the last one no hyphen follows it (RFC 5321, 4.2). */
static bool read_reply(struct plain *server, struct greeting *keep, struct reply *reply, struct failure *why)
{
    char line[LINE_LIMIT];

    *reply = (struct reply){.code = 0};
    for (int lines = 0; lines < REPLY_LINES_LIMIT; lines++) {
        int code;

        if (read_kept_line(server, keep, line, why) < 0)
            return false;
        code = reply_code(line, " -");
        if (code < 200 || (reply->code && code != reply->code)) {
            fail(why, FAILURE_MALFORMED, server->server, line, "a reply");
            return false;
        }
        if (lines == 0)
            memcpy(reply->first, line, strnlen(line, sizeof reply->first - 1));
        else if (line[3] && first_word_is(line + 4, "STARTTLS"))
            reply->starttls = true;
        reply->code = code;
        if (line[3] != '-')
            return true;
    }
    fail(why, FAILURE_LINES_LIMIT, server->server);
    return false;
}

/* A domain, or an address literal ("[192.0.2.1]", "[IPv6:2001:db8::1]"; RFC 5321, 4.1.3). */
static bool is_host(const char *text, size_t length)
{
    static const char literal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-";

    if (length > 2 && text[0] == '[' && text[length - 1] == ']')
        return strspn(text + 1, literal) == length - 2;
    return is_domain(text, length);
}

static enum outcome read_greeting(struct plain *server, struct greeting *g, struct failure *why)
{
    struct reply reply;
    const char *host;
    size_t length;

    if (!read_reply(server, g, &reply, why))
        return FAILED;
    if (reply.code != 220) {
        fail(why, FAILURE_SERVICE_REFUSED, server->server, reply.first);
        return FAILED;
    }
    host = reply.first[3] ? reply.first + 4 : "";
    length = strcspn(host, " ");
    if (length < sizeof g->host && is_host(host, length))
        memcpy(g->host, host, length);
    return READY;
}

/* Writes `verb`, the address literal of the local socket (RFC 5321, 4.1.3), and CRLF. */
static void write_hello(char *out, size_t size, const char *verb, const struct local_address *local)
{
    char text[INET6_ADDRSTRLEN] = "127.0.0.1";
    const char *tag = "";

    if (local->address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&local->address;

        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    } else if (local->address.ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&local->address)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            inet_ntop(AF_INET, v6->s6_addr + 12, text, sizeof text);
        } else {
            tag = "IPv6:";
            inet_ntop(AF_INET6, v6, text, sizeof text);
        }
    }
    snprintf(out, size, "%s [%s%s]\r\n", verb, tag, text);
}

static enum outcome upgrade(struct plain *server, const char *verb, const struct local_address *local,
                            struct failure *why)
{
    /*
     * The server does not implement or know the command, or does not accept it (now) (RFC 5321, 4.3.2): the
     * program may do without TLS.
     */
    static const int not_spoken[] = {500, 501, 502, 503, 504, 550, 0};
    /*
     * 454 and 501 are from RFC 3207, 4; the others come from servers that lack the command or want a login
     * first.
     */
    static const int refusals[] = {454, 500, 501, 502, 503, 504, 530, 0};
    char hello[80];
    struct reply reply;

    write_hello(hello, sizeof hello, verb, local);
    if (!send_command(server, verb, hello, why) || !read_reply(server, NULL, &reply, why))
        return FAILED;
    if (is_code_of(reply.code, not_spoken)) {
        fail(why, FAILURE_CAPABILITIES_REFUSED, server->server, reply.first, verb);
        return answered(server, verb, NOT_OFFERED, why);
    }
    if (reply.code != 250) {
        fail(why, FAILURE_UNEXPECTED, server->server, reply.first, verb);
        return FAILED;
    }
    if (!reply.starttls) {
        fail(why, FAILURE_NOT_OFFERED, server->server, "STARTTLS");
        return answered(server, verb, NOT_OFFERED, why);
    }
    if (!send_upgrade(server, "STARTTLS", "STARTTLS\r\n", why) || !read_reply(server, NULL, &reply, why))
        return FAILED;
    if (reply.code == 220)
        return answered(server, "STARTTLS", READY, why);
    if (is_code_of(reply.code, refusals)) {
        fail(why, FAILURE_REFUSED, server->server, reply.first, "STARTTLS");
        return answered(server, "STARTTLS", NOT_OFFERED, why);
    }
    fail(why, FAILURE_UNEXPECTED, server->server, reply.first, "STARTTLS");
    return FAILED;
}

static enum outcome smtp_upgrade(struct plain *server, const struct local_address *local,
                                 const struct greeting *g, struct failure *why)
{
    (void)g;
    return upgrade(server, "EHLO", local, why);
}

static enum outcome lmtp_upgrade(struct plain *server, const struct local_address *local,
                                 const struct greeting *g, struct failure *why)
{
    (void)g;
    return upgrade(server, "LHLO", local, why);
}

static bool probe(const char *verb, const struct local_address *local, char out[PROBE_LIMIT])
{
    write_hello(out, PROBE_LIMIT, verb, local);
    return true;
}

static bool smtp_probe(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                       struct failure *why)
{
    (void)server, (void)why;
    return probe("EHLO", local, out);
}

static bool lmtp_probe(const struct plain *server, const struct local_address *local, char out[PROBE_LIMIT],
                       struct failure *why)
{
    (void)server, (void)why;
    return probe("LHLO", local, out);
}

/* FTP has NOOP and HELP too, and 220, 421, 500 and 530; but it never answers a hello with 250 (RFC 959). */
static enum speaks answer(struct plain *server, const char *command, bool must, struct failure *why)
{
    const bool hello =
        first_word_is(command, "EHLO") || first_word_is(command, "HELO") || first_word_is(command, "LHLO");
    struct reply reply;

    if (!read_reply(server, NULL, &reply, why))
        return SPEAKS_NOT;
    if (hello && reply.code == 250)
        return SPEAKS;
    if (!must && (reply.code >= 400 || (!hello && reply.code < 300)))
        return MAY_SPEAK;
    return SPEAKS_NOT;
}

/* A client may look for ESMTP in the greeting before it says EHLO (RFC 1869, 4.2). */
static size_t smtp_greet(const struct greeting *g, char out[GREETING_LIMIT])
{
    return write_line(out, "220 ", g->host[0] ? g->host : "retrotls", " ESMTP\r\n");
}

static size_t lmtp_greet(const struct greeting *g, char out[GREETING_LIMIT])
{
    return write_line(out, "220 ", g->host[0] ? g->host : "retrotls", " LMTP\r\n");
}

static size_t refuse(const char *text, char out[GREETING_LIMIT])
{
    return write_line(out, "421 4.7.0 retrotls: ", text, "\r\n");
}

const struct protocol protocol_smtp = {
    .kind = PROTOCOL_SMTP,
    .greeting = read_greeting,
    .upgrade = smtp_upgrade,
    .greet = smtp_greet,
    .refuse = refuse,
    .upgrade_command = "STARTTLS",
    .upgraded_already = "503 5.5.1 retrotls: TLS is up already\r\n",
    .probe = smtp_probe,
    .answer = answer,
    .openings = {{.word = "EHLO"},
                 {.word = "HELO"},
                 {.word = "NOOP"},
                 {.word = "RSET", .bare = true},
                 {.word = "HELP"}},
};

const struct protocol protocol_lmtp = {
    .kind = PROTOCOL_LMTP,
    .greeting = read_greeting,
    .upgrade = lmtp_upgrade,
    .greet = lmtp_greet,
    .refuse = refuse,
    .upgrade_command = "STARTTLS",
    .upgraded_already = "503 5.5.1 retrotls: TLS is up already\r\n",
    .probe = lmtp_probe,
    .answer = answer,
    .openings = {{.word = "LHLO"}, {.word = "NOOP"}, {.word = "RSET", .bare = true}, {.word = "HELP"}},
};
