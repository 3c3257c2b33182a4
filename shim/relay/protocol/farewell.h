/*
 * Follows a session just far enough to know whether the server has answered the program's farewell: QUIT (RFC
 * 5321, 1939, 3977) or LOGOUT, with a tag (RFC 9051) or without (RFC 5804). Many servers close after that
 * answer without a close_notify. An end without one is in order there and nowhere else: anybody on the path
 * can end a TCP connection at the end of a line, in the middle of a mail.
 *
 * SMTP and LMTP give the farewell's reply a code of its own, IMAP a tag, so that only literals have to be
 * skipped. POP3, NNTP and ManageSieve do not: there every reply is counted. Where that is not possible
 * (unknown commands, compression, an article nobody asked for) the count is given up for good, and only a
 * close_notify ends the session in order.
 *
 * A lone multi-line reply is only looked at where it ends, a literal and the text of a mail that is sent not
 * at all: bulk costs next to nothing.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_FAREWELL_H
#define RETROTLS_RELAY_PROTOCOL_FAREWELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"

enum {
    FAREWELL_COMMANDS = 256, /* pipelined commands without their replies; with more the count is given up */
    FAREWELL_HEAD = 72,      /* bytes of a line's beginning that count: a status, an IMAP tag */
    FAREWELL_TAIL = 16,      /* of its end: "{4294967295+}" and CR */
};

/* One direction. What it keeps of a line is wiped at the line's end: it may be a password. */
struct farewell_lines {
    char head[FAREWELL_HEAD], tail[FAREWELL_TAIL];
    size_t length;    /* of the line so far */
    uint64_t literal; /* bytes of a literal that are still to come */
    bool continued;   /* the line goes on after a literal */
    bool in_text;     /* until a line of a single dot */
    unsigned dot;     /* bytes of "\r\n.\r\n" that the text so far ends in */
    bool last; /* the last line is the farewell (program), or its whole reply (server); nothing follows it */
};

struct farewell {
    enum protocol_kind protocol; /* PROTOCOL_AUTO: not known, or not to be followed any more */
    struct farewell_lines program, server;
    uint8_t kinds[FAREWELL_COMMANDS]; /* of the commands without a reply, a ring */
    size_t first, count;
    bool data_line;          /* the program's line, or its next one, is no command but an answer (SASL) */
    bool status;             /* the response is a status response (IMAP, ManageSieve) */
    bool ok;                 /* that says OK */
    bool bye;                /* IMAP: BYE was said since the connection began */
    char tag[FAREWELL_HEAD]; /* IMAP: of the farewell */
};

/* The program has its greeting: what the server says next is a reply. */
void farewell_begin(struct farewell *f, enum protocol_kind protocol);

/* `bytes` went to the server. */
void farewell_program(struct farewell *f, const char *bytes, size_t length);

/* `bytes` came from the server, after all that farewell_program() was told of so far had been sent. */
void farewell_server(struct farewell *f, const char *bytes, size_t length);

/* The farewell is the last thing the program said. */
bool farewell_said(const struct farewell *f);

/* It is, and the server has answered it and all commands before it, and has said nothing else since. */
bool farewell_answered(const struct farewell *f);

#endif
