/*
 * One guarded connection, from the decision to the switch: what connect() is made of, and what the watch on
 * read and write needs too.
 */
#ifndef RETROTLS_PRELOAD_GUARD_H
#define RETROTLS_PRELOAD_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "policy/policy.h"
#include "preload/log.h"
#include "preload/slots.h"

enum { GUARD_WHY_LIMIT = 400 };

struct guard {
    int fd;                    /* the program's */
    struct wire_address asked; /* where it connects to */
    struct slot *slot;
    int64_t started;          /* sys_milliseconds() of connect() */
    uint64_t cookie;          /* of the TCP socket */
    const char *host;         /* the name that was asked for; NULL: as remembered of the resolver (names.h) */
    enum protocol_kind shown; /* by the server's greeting; PROTOCOL_AUTO: not known */
    char why[GUARD_WHY_LIMIT];
};

/* All of these want signals blocked. */

/*
 * Asks `policy` and fills the slot's guard request; with DECISION_ERROR its `failure` says why this must
 * not be connected at all.
 */
enum decision guard_decide(struct guard *guard, const struct policy *policy);

/*
 * Gets everything that the connection will need, before a byte is sent to the server, and marks the socket as
 * taken (mark.h). False with errno for the program and `why` set.
 */
bool guard_acquire(struct guard *guard);

/*
 * Hands the TCP socket to the relay and switches the program's numbers. With WIRE_PENDING_TOLD the slot keeps
 * SLOT_REQUEST, on which the outcome comes. False with `why` set: then the caller must guard_cut().
 */
bool guard_hand_over(struct guard *guard, enum wire_connecting connecting);

/* Sees to it that nothing that the program has can reach the server any more. Keeps errno. */
void guard_cut(const struct guard *guard);

/* Tells the log what became of this connection, and `why`. Keeps errno. */
void guard_log(const struct guard *guard, enum log_result result);

/* 127.0.0.1 for 0.0.0.0, ::1 for ::, which is where the kernel connects then; any other unchanged. */
struct wire_address guard_destination(const struct wire_address *asked);

#endif
