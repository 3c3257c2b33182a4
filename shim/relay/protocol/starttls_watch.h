/* clang-format off */
/*
 * No TLS inside TLS: after a connection has been upgraded, the program may still ask for STARTTLS itself,
 * because the server offers it again or still. The watch notices the command, keeps it from the server, and
 * answers it in the server's place, after the answers to all earlier commands.
 *
 * It looks only at a session's opening commands (EHLO, CAPABILITY, CAPA, NOOP, ...) and stops for good at the
 * first other one, so it never looks at a message, a password or an article.
 *
 * A pump calls it like this while `w.watching` is true. Once it is false, the pump forwards everything and
 * makes no more calls.
 *
 *     bytes from the program:
 *         taken = starttls_watch_program(&w, bytes, n, forward, &length);
 *         send `forward` to the server
 *         answer = starttls_watch_answer(&w, text);
 *         send `text` to the program
 *         go on with bytes + taken (if taken is 0: once more bytes have come from the server)
 *
 *     bytes from the server:
 *         taken = starttls_watch_server(&w, bytes, n);
 *         send `taken` of the bytes to the program
 *         answer = starttls_watch_answer(&w, text);
 *         send `text` to the program
 *         go on with bytes + taken, if any are left (taken was not 0)
 *
 *     the program has ended:
 *         length = starttls_watch_end(&w, forward);
 *         send `forward` to the server
 */
/* clang-format on */
#ifndef RETROTLS_RELAY_PROTOCOL_STARTTLS_WATCH_H
#define RETROTLS_RELAY_PROTOCOL_STARTTLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/protocol/protocol.h"

enum {
    STARTTLS_WATCH_TAG_LIMIT = 65,     /* bytes of an IMAP tag, with its NUL; a longer one ends the watch */
    STARTTLS_WATCH_HELD = 96,          /* bytes held back from a command's beginning, at most */
    STARTTLS_WATCH_ANSWER_LIMIT = 192, /* bytes of an answer */
    STARTTLS_WATCH_COMMANDS = 32,      /* commands whose replies are due; with more the watch ends */
};

struct starttls_watch {
    bool watching; /* false: the watch is over, or never began; nothing is held or owed */

    /* The rest is private to starttls_watch.c. */
    const struct protocol *protocol;

    /* The program's stream. */
    enum { COMMAND_BEGINS, COMMAND_GOES_ON, COMMAND_SWALLOWED } command;
    char held[STARTTLS_WATCH_HELD]; /* the beginning of a command, of which nothing has been forwarded */
    size_t held_length;
    char last; /* the last byte of the command so far, not counting CR */
    bool list; /* the reply on success is a list */
    bool ended;

    bool owed;                          /* STARTTLS still has to be answered */
    char tag[STARTTLS_WATCH_TAG_LIMIT]; /* that command's tag (IMAP) */
    unsigned unanswered;                /* commands whose replies have not ended */
    uint32_t lists;                     /* bit i: the reply to the i-th of them, on success, is a list */

    /* The server's stream. */
    char line[8];       /* how the line begins */
    size_t line_length; /* of the whole line so far */
    bool in_reply;      /* more lines of this reply will follow */
    bool in_list;       /* until a line with a single dot */
    bool status;        /* the response is a status response (IMAP, ManageSieve) */
    bool continued;     /* this line goes on after a literal */
    enum { NO_BRACE, IN_BRACE, BRACE_CLOSED } brace;
    uint64_t size;    /* the number in the brace */
    uint64_t literal; /* bytes of a literal still to come */
};

/* Begins to watch. The program has its greeting: what the server sends next is a reply. */
void starttls_watch_begin(struct starttls_watch *w, const struct protocol *protocol);

/*
 * Takes bytes from the program. Writes what goes to the server to `forward`, which has room for `length` +
 * STARTTLS_WATCH_HELD bytes, and its length to `*forward_length`. Returns how many bytes were taken: fewer
 * than `length` only while an answer is owed that has to wait for the server. Give the rest again after the
 * next call of starttls_watch_answer() that returned an answer.
 */
size_t starttls_watch_program(struct starttls_watch *w, const char *bytes, size_t length, char *forward,
                              size_t *forward_length);

/*
 * Takes bytes from the server; the caller forwards them all, unchanged. Returns how many of them come before
 * an answer that is now due (get it from starttls_watch_answer()), or `length` if none is due.
 */
size_t starttls_watch_server(struct starttls_watch *w, const char *bytes, size_t length);

/* Writes the answer that is due now to `out`. Returns its length; 0 if none is due. */
size_t starttls_watch_answer(struct starttls_watch *w, char out[STARTTLS_WATCH_ANSWER_LIMIT]);

/*
 * The program's stream has ended: writes what was held back to `forward` (STARTTLS_WATCH_HELD bytes). Returns
 * its length.
 */
size_t starttls_watch_end(struct starttls_watch *w, char *forward);

#endif
