/*
 * Moves the bytes of an open session both ways until it ends. Passes the end of each side on to the other in
 * kind: a half-close as a half-close, an orderly end as an end of file, a cut as ECONNRESET.
 *
 * Over TLS, we pass the program's half-close on only after the server has sent everything that it still has
 * to say. TLS 1.2 makes the server discard that when it gets our close_notify (RFC 5246, 7.2.1), and some
 * servers do so with TLS 1.3 too (dovecot, courier): `printf 'RETR 1\r\nQUIT\r\n' | nc -N` would get nothing.
 *
 * One thread runs it. Each direction has one bounded buffer. If a side does not read, only the other side
 * stops.
 */
#ifndef RETROTLS_RELAY_PUMP_PUMP_H
#define RETROTLS_RELAY_PUMP_PUMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/io/buffer.h"
#include "relay/io/relay_end.h"
#include "relay/io/stream.h"
#include "relay/protocol/starttls_watch.h"

enum {
    PUMP_LINGER = 10000,   /* ms: the program has gone, all is sent; how long the server is still read */
    PUMP_FLUSH = 120000,   /* ms: the program has gone; how long the server may take nothing of the rest */
    PUMP_FAREWELL = 60000, /* ms: the server has ended; how long the program may take to close */
    /*
     * The program has ended its direction but still reads: ms without a byte until we pass that end to the
     * server, after QUIT or LOGOUT, and otherwise.
     */
    PUMP_ANSWERS_FAREWELL = 10000,
    PUMP_ANSWERS = 500,
};

struct pumped {
    struct relay_end *program;
    struct stream *server;
    struct starttls_watch *watch; /* NULL: not watched */
    _Atomic uint64_t *up, *down;  /* counts of bytes to the server and to the program; NULL: not counted */
    struct buffer *greeting;      /* what the program reads first; the pump takes it over */
    struct buffer *said;          /* what the program has sent already; taken over too. NULL: nothing */
    bool mute; /* send nothing from the program to the server, because the server has ended */
    enum protocol_kind protocol; /* for the session's end (farewell.h); PROTOCOL_AUTO: not known */
};

enum pump_end {
    PUMP_ENDED, /* both sides know of an orderly end, or the program has gone */
    PUMP_CUT,   /* close the program's side as it is, so that it reads ECONNRESET */
};

enum pump_end pump_run(const struct pumped *what);

#endif
