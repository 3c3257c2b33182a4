/*
 * Moves the bytes of an open session both ways until it ends, and sees that each side learns the truth about
 * the end of the other: a half-close goes through as one, an end in order as an end of file, a cut as
 * ECONNRESET.
 *
 * Over TLS a half-close of the program's goes through only when the server has said what it has to say:
 * TLS 1.2 makes it drop that at our close_notify (RFC 5246, 7.2.1), and some do so with TLS 1.3 as well
 * (dovecot, courier). `printf 'RETR 1\r\nQUIT\r\n' | nc -N` would get nothing.
 *
 * One thread runs it. Each direction has one bounded buffer; a side that does not read stops the other side
 * alone.
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
    PUMP_LINGER = 10000, /* ms: the program has gone, all of its bytes are sent; the server is still heard */
    PUMP_FLUSH = 120000, /* ms: the program has gone, and the server takes nothing of what is left */
    PUMP_FAREWELL = 60000, /* ms: the server has ended, and the program does not close */
    /* ms without a byte: the program has ended its direction, and still reads; after QUIT or LOGOUT, and else
     */
    PUMP_ANSWERS_FAREWELL = 10000,
    PUMP_ANSWERS = 500,
};

struct pumped {
    struct relay_end *program;
    struct stream *server;
    struct starttls_watch *watch; /* NULL: nobody watches */
    _Atomic uint64_t *up, *down;  /* count the bytes to the server and to the program; NULL: nobody asks */
    struct buffer *greeting;      /* what the program reads first; the pump takes it over */
    struct buffer *said;          /* what the program has said already; taken over too. NULL: nothing */
    bool mute;                    /* nothing of the program's may go to the server, which has ended */
    enum protocol_kind protocol;  /* PROTOCOL_AUTO: not known; for the session's end (farewell.h) */
};

enum pump_end {
    PUMP_ENDED, /* both sides have been told of an end in order, or the program has gone */
    PUMP_CUT,   /* cut: close the program's side as it is, so that it reads ECONNRESET */
};

enum pump_end pump_run(const struct pumped *what);

#endif
