/*
 * The two TCP connections of a policy that says `tls auto`: the one that the program asked for, and the
 * alternative, to the port for TLS from the first byte. They overlap as RFC 8305, 5, has it, so that a port
 * that does not answer costs little. Where both come up at once, the first one counts.
 */
#ifndef RETROTLS_RELAY_RACE_RACE_H
#define RETROTLS_RELAY_RACE_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/protocol/plain.h"
#include "relay/sandbox/monitor_client.h"

enum {
    RACE_DELAY = 250,     /* ms that the first connection has to itself (RFC 8305, 8) */
    RACE_PATIENCE = 2000, /* ms that the alternative gets, once it is known that the first is of no use */
};

struct race {
    const struct files *files; /* the connection's, which know of the alternative */
    int first;                 /* the socket; stays the caller's */
    int failed;                /* errno with which it has failed already, or 0 */
    bool begun;                /* the alternative was begun, or there is none */
    int alternative;           /* its socket, the caller's in the end; -1: none, or it has failed */
    int alternative_failed;    /* its errno; 0: not tried, too slow, or in order */
};

enum race_end {
    RACE_FIRST,       /* is up */
    RACE_ALTERNATIVE, /* is up, and the first is not */
    RACE_FAILED,      /* both; `failed` says how the first did */
    RACE_GONE,        /* the program has gone */
};

/*
 * Waits for the first of the two to be up. `program` says what to watch the program by, and its transport is
 * over `first`. After RACE_FIRST the alternative may still be connecting.
 */
enum race_end race_run(struct race *race, const struct plain *program);

/*
 * The first is up, but of no use. Waits up to `patience` ms for the alternative to be up. False if it is not,
 * with its socket closed; *gone is set if that is because the program has gone.
 */
bool race_await_alternative(struct race *race, const struct plain *program, int patience, bool *gone);

/*
 * Adds to `why`, a failure of the first, that the alternative on `port` is of no use either: for `error` (0:
 * it was too slow).
 */
void race_add_failure(struct failure *why, uint16_t port, int error);

/* Closes the alternative, if it is still there. */
void race_drop(struct race *race);

/* What became of TCP on a socket that poll(2) reports: 0 or an errno. */
int race_outcome(int tcp);

#endif
