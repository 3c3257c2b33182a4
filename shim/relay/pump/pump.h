/*
 * Moves the bytes of an open session both ways until it ends, and passes the end of each side on to the other
 * as what it is: a half-close as a half-close, an orderly end as an end of file, a cut as ECONNRESET.
 *
 * Over TLS the program's half-close is passed on only after the server has sent what it still has to say. TLS
 * 1.2 makes the server discard that on our close_notify (RFC 5246, 7.2.1), and some servers do so with TLS
 * 1.3 too (dovecot, courier): `printf 'RETR 1\r\nQUIT\r\n' | nc -N` would get nothing.
 *
 * One thread runs it. Each direction has one bounded buffer; a side that does not read only stops the other
 * side.
 */
#ifndef RETROTLS_RELAY_PUMP_PUMP_H
#define RETROTLS_RELAY_PUMP_PUMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/protocol/starttls_watch.h"
#include "relay/pump/buffer.h"
#include "relay/pump/relay_end.h"
#include "relay/pump/stream.h"

enum {
    PUMP_LINGER = 10000,   /* ms: the program has gone, all is sent; how long the server is still read */
    PUMP_FLUSH = 120000,   /* ms: the program has gone; how long the server may take nothing of the rest */
    PUMP_FAREWELL = 60000, /* ms: the server has ended; how long the program may take to close */
    /*
     * The program has ended its direction but still reads: ms without a byte before the server is told, after
     * QUIT or LOGOUT, and otherwise.
     */
    PUMP_ANSWERS_FAREWELL = 10000,
    PUMP_ANSWERS = 500,
};

struct pumped {
    struct relay_end *program;
    struct stream *server;
    struct starttls_watch *watch; /* NULL: not watched */
    _Atomic uint64_t *up, *down;  /* counts of bytes to the server and to the program; NULL: not counted */
    struct buffer *greeting;      /* what the program reads first; taken over by the pump */
    struct buffer *said;          /* what the program has sent already; taken over too. NULL: nothing */
    bool mute;                    /* send nothing from the program to the server, which has ended */
    enum protocol_kind protocol;  /* for the session's end (farewell.h); PROTOCOL_AUTO: not known */
};

enum pump_end {
    PUMP_ENDED, /* both sides have been told of an orderly end, or the program has gone */
    PUMP_CUT,   /* close the program's side as it is, so that it reads ECONNRESET */
};

enum pump_end pump_run(const struct pumped *what);

#endif
