/* clang-format off */
/*
 * The state of one pump: for its own files only.
 *
 * Two directions, `up` from the program to the server and `down` from the server to the program. Each is in
 * one state and never goes back (ARCHITECTURE.md has the diagram):
 *
 *     OPEN    its source may send more
 *     ENDING  its source has ended in order; what it sent, then the end, have yet to be passed on
 *     ENDED   the other side has been given the end
 *     CUT     its source broke off: there is no end to pass on, and the session is over once what was sent
 *             before is delivered (down), or at once (up)
 *
 * Only these change a state:
 *
 *     up:   OPEN -> ENDING    pump_read_program(), at the end of what the program writes
 *           ENDING -> ENDED   pump_end_server(), unless pump_holds_end_back()
 *           ENDING -> CUT     pump_end_server(): the program closed with SO_LINGER of 0 seconds
 *           any -> ENDED      pump_end_program(), if that fails: all that is left is to close
 *     down: OPEN -> ENDING    pump_read_server(): an orderly end, or one without close_notify after a farewell
 *           OPEN -> CUT       pump_read_server(): any other end
 *           ENDING -> ENDED   pump_end_program()
 *
 * Besides, the receiver of a direction can stop taking bytes, whatever the state: it is `deaf`, and what is
 * left for it is dropped. The one who writes to it finds out, or an edge says so (pump.c, heard_program(),
 * heard_server()).
 */
/* clang-format on */
#ifndef RETROTLS_RELAY_PUMP_PUMP_STATE_H
#define RETROTLS_RELAY_PUMP_PUMP_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/io/buffer.h"
#include "relay/io/edges.h"
#include "relay/io/relay_end.h"
#include "relay/io/stream.h"
#include "relay/protocol/farewell.h"
#include "relay/protocol/starttls_watch.h"

enum {
    PUMP_CHUNK = 4096, /* bytes given to the watch at once */
    PUMP_SHORT = 4096, /* bytes up to which a transfer counts as a message, not as bulk */
};

enum direction_state { OPEN, ENDING, ENDED, CUT };

struct direction {
    enum direction_state state;
    bool deaf;               /* the receiver takes no more */
    struct buffer buffer;    /* bytes on their way */
    _Atomic uint64_t *count; /* of bytes passed on; NULL: not counted */
};

struct pump {
    struct relay_end *program;
    struct readiness program_ready;
    struct stream *server; /* has its own readiness */
    struct direction up, down;

    struct starttls_watch *watch; /* NULL: not watched */
    struct buffer held;           /* bytes from the program that the watch holds back */
    struct farewell farewell;     /* sees what both sides really get */

    bool program_gone;  /* EPOLLHUP: it neither writes nor reads, but what it wrote may still be in its end */
    bool answers_ended; /* the program's half-close has waited long enough for the server's answers */
    bool no_memory;     /* over: bytes have been lost */

    /* The loop's own, since the last wait. */
    struct edges edges;
    size_t moved;     /* bytes; not those read from the server */
    bool taken;       /* some of them went to the server */
    bool interrupted; /* a read took too long */
    int64_t deadline; /* INT64_MAX: none */
};

/* ---- to_server.c; each of these returns whether it got anywhere ---- */

bool pump_read_program(struct pump *p);
bool pump_write_server(struct pump *p);
/* Passes the program's end on, once everything before it is written. */
bool pump_end_server(struct pump *p);
/* Whether the server is not yet given a half-close, because it may still have something to say. */
bool pump_holds_end_back(const struct pump *p);

/* ---- to_program.c ---- */

bool pump_read_server(struct pump *p);
bool pump_write_program(struct pump *p);
/* Passes the server's orderly end on, once everything before it is written. */
bool pump_end_program(struct pump *p);

/* ---- watched.c: what goes through the watch (starttls_watch.h) first ---- */

/* Whether the program's bytes go through it. */
bool pump_is_watched(const struct pump *p);
/*
 * Gives the watch the held bytes, as far as it takes them and there is room; its answers go to the program.
 * Returns whether anything moved.
 */
bool pump_watch_held(struct pump *p);
/*
 * As the stream's read(), into `down`, which has `room`. Needs room for the watch's answers: each follows at
 * least one byte of the chunk, or of the program's.
 */
enum flow pump_read_watched(struct pump *p, size_t room, size_t *count);

#endif
