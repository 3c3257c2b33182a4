/*
 * No TLS inside TLS: once a connection has been upgraded, the program may still ask for STARTTLS by itself
 * (it sees that the server offers it, again or still). The watch notices that, keeps the command from the
 * server, and answers it in the server's place, after the answers to all commands before it.
 *
 * It looks only at a session's opening commands (EHLO, CAPABILITY, CAPA, NOOP, ...), and stops for good at
 * the first other one: so no message, no password and no article is ever looked at.
 *
 * For a pump, with `w.watching` true (else it forwards everything and calls nothing here):
 *
 *     from the program:  taken = starttls_watch_program(&w, bytes, n, forward, &length);  send `forward` to
 * the server; answer = starttls_watch_answer(&w, text);                        send `text` to the program; go
 * on with bytes + taken (if taken is 0: once more bytes came from the server) from the server:   taken =
 * starttls_watch_server(&w, bytes, n);                     send bytes to the program, `taken`; answer =
 * starttls_watch_answer(&w, text);                        send `text` to the program; go on with bytes +
 * taken (if there are any left, taken was not 0) the program ended: length = starttls_watch_end(&w, forward);
 * send `forward` to the server
 */
#ifndef RETROTLS_RELAY_PROTOCOL_STARTTLS_WATCH_H
#define RETROTLS_RELAY_PROTOCOL_STARTTLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/protocol/protocol.h"

enum {
    STARTTLS_WATCH_TAG_LIMIT = 65,     /* bytes of an IMAP tag, with its NUL; a longer one ends the watch */
    STARTTLS_WATCH_HELD = 96,          /* bytes of a command's beginning that are held back, at most */
    STARTTLS_WATCH_ANSWER_LIMIT = 192, /* bytes of an answer */
    STARTTLS_WATCH_COMMANDS = 32, /* commands that wait for their replies; with more of them the watch ends */
};

struct starttls_watch {
    bool watching; /* false: the watch is over, or never began; nothing is held, nothing is owed */

    /* The rest is starttls_watch.c's own. */
    const struct protocol *protocol;

    /* The program's stream. */
    enum { COMMAND_BEGINS, COMMAND_GOES_ON, COMMAND_SWALLOWED } command;
    char held[STARTTLS_WATCH_HELD]; /* the beginning of a command: nothing of it has been forwarded */
    size_t held_length;
    char last; /* the last byte of the command so far that is no CR */
    bool list; /* success is answered by a list */
    bool ended;

    bool owed;                          /* an answer to STARTTLS has to be given */
    char tag[STARTTLS_WATCH_TAG_LIMIT]; /* that command's (IMAP) */
    unsigned unanswered;                /* commands whose replies have not ended */
    uint32_t lists;                     /* bit i: the i-th of them is answered by a list, if by success */

    /* The server's stream. */
    char line[8];       /* how the line begins */
    size_t line_length; /* of the whole line so far */
    bool in_reply;      /* more lines of this reply will follow */
    bool in_list;       /* until a line of a single dot */
    bool status;        /* the response is a status response (IMAP, ManageSieve) */
    bool continued;     /* this line goes on after a literal */
    enum { NO_BRACE, IN_BRACE, BRACE_CLOSED } brace;
    uint64_t size;    /* in the brace */
    uint64_t literal; /* bytes of a literal that are still to come */
};

/* Begins to watch. The program has its greeting: what the server says next is a reply. */
void starttls_watch_begin(struct starttls_watch *w, const struct protocol *protocol);

/*
 * Bytes that the program wrote. What goes to the server is written to `forward`, which has room for `length`
 * + STARTTLS_WATCH_HELD bytes, its length to `*forward_length`. Returns how many of the bytes were taken:
 * fewer than `length` only while an answer is owed that has to wait for the server (give the rest again after
 * the next call of starttls_watch_answer() that returned one).
 */
size_t starttls_watch_program(struct starttls_watch *w, const char *bytes, size_t length, char *forward,
                              size_t *forward_length);

/*
 * Bytes that the server wrote, to be forwarded as they are. Returns how many of them come before an answer
 * that is now due (starttls_watch_answer() gives it), `length` if none is.
 */
size_t starttls_watch_server(struct starttls_watch *w, const char *bytes, size_t length);

/* The answer that is due now, written to `out`: its length; 0 where none is. */
size_t starttls_watch_answer(struct starttls_watch *w, char out[STARTTLS_WATCH_ANSWER_LIMIT]);

/* The program's stream has ended: what was held back goes to `forward` (STARTTLS_WATCH_HELD bytes). Returns
 * its length. */
size_t starttls_watch_end(struct starttls_watch *w, char *forward);

#endif
