/*
 * Follows a session just closely enough to know whether the server has answered the program's farewell: QUIT
 * (RFC 5321, 1939, 3977) or LOGOUT, with a tag (RFC 9051) or without (RFC 5804). Many servers close after
 * that answer without a close_notify. An end without one is in order only there: anybody on the path can end
 * a TCP connection at the end of a line, in the middle of a mail.
 *
 * In SMTP and LMTP the reply to the farewell has a code of its own, in IMAP it has the command's tag, so that
 * only literals have to be skipped. In POP3, NNTP and ManageSieve every reply has to be counted. Where that
 * is not possible (unknown commands, compression, an article nobody asked for) we stop counting for good, and
 * only a close_notify ends the session in order.
 *
 * Bulk costs next to nothing. If a multi-line reply is the only one due, only its end is looked at. Literals
 * and the text of a mail that is sent are skipped.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_FAREWELL_H
#define RETROTLS_RELAY_PROTOCOL_FAREWELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"

enum {
    FAREWELL_COMMANDS = 256, /* pipelined commands whose replies are due; with more we stop counting */
    FAREWELL_HEAD = 72,      /* bytes kept of a line's beginning: enough for a status or an IMAP tag */
    FAREWELL_TAIL = 16,      /* bytes kept of its end: enough for "{4294967295+}" and CR */
};

/* One direction. What is kept of a line is wiped when the line ends: it may be a password. */
struct farewell_lines {
    char head[FAREWELL_HEAD], tail[FAREWELL_TAIL];
    size_t length;    /* of the line so far */
    uint64_t literal; /* bytes of a literal still to come */
    bool continued;   /* the line goes on after a literal */
    bool in_text;     /* until a line with a single dot */
    unsigned dot;     /* how many bytes of "\r\n.\r\n" the text so far ends in */
    bool last;        /* the last line so far is the farewell (program), or ends its reply (server) */
};

struct farewell {
    enum protocol_kind protocol; /* PROTOCOL_AUTO: not known, or no longer followed */
    struct farewell_lines program, server;
    uint8_t kinds[FAREWELL_COMMANDS]; /* of the commands whose replies are due; a ring */
    size_t first, count;
    bool data_line;          /* the program's line, or its next one, is an answer (SASL), not a command */
    bool status;             /* the response is a status response (IMAP, ManageSieve) */
    bool ok;                 /* and it says OK */
    bool bye;                /* IMAP: the server has sent BYE */
    char tag[FAREWELL_HEAD]; /* IMAP: the farewell's tag */
};

/* Begins to follow a session. The program has its greeting: what the server sends next is a reply. */
void farewell_begin(struct farewell *f, enum protocol_kind protocol);

/* `bytes` went to the server. */
void farewell_program(struct farewell *f, const char *bytes, size_t length);

/* `bytes` came from the server, after everything given to farewell_program() so far had been sent. */
void farewell_server(struct farewell *f, const char *bytes, size_t length);

/* Whether the farewell is the last thing the program sent. */
bool farewell_said(const struct farewell *f);

/* Whether, in addition, the server has answered it and all commands before it, and has sent nothing since. */
bool farewell_answered(const struct farewell *f);

#endif
