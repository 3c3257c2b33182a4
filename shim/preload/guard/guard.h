/*
 * One guarded connection, from the decision to the switch: what connect() is made of, and what the watch on
 * read and write needs too.
 *
 * connect() connects a TCP socket of the library's own (tcp_copy.h), of which the program knows no number;
 * the program's is never connected. A connection that the library finds already made is handed over itself.
 */
#ifndef RETROTLS_PRELOAD_GUARD_GUARD_H
#define RETROTLS_PRELOAD_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "policy/policy.h"
#include "preload/guard/slots.h"
#include "preload/library_log.h"

enum { GUARD_WHY_LIMIT = 400 };

struct guard;

/*
 * Makes the program's numbers of the socket guard->fd, which has SO_COOKIE guard->cookie, refer to `socket`,
 * which stays open. False with errno where some may still refer to the old one.
 */
typedef bool guard_install(const struct guard *guard, int socket);

struct guard {
    int fd;                    /* the program's */
    guard_install *install;    /* NULL: the numbers are this process's (switch.h) */
    struct wire_address asked; /* where it connects to */
    struct slot *slot;
    int64_t started;          /* sys_milliseconds() of connect() */
    uint64_t cookie;          /* of the program's TCP socket */
    bool has_copy;            /* what is handed over is SLOT_TCP, not the program's own socket */
    uint64_t tcp_cookie;      /* of that copy */
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
 * Gets everything that the connection will need, before a byte is sent to the server. False with errno for
 * the program and `why` set.
 */
bool guard_acquire(struct guard *guard);

/* Makes the socket to connect, guard_tcp(), like the program's. False as above. */
bool guard_copy_tcp(struct guard *guard);

/* The number of the TCP socket that is connected, or handed over; -1 where it is lost. */
int guard_tcp(const struct guard *guard);

/*
 * Hands the TCP socket to the relay and switches the program's numbers. What still refers to the program's
 * own socket then (another process) finds it marked as taken (taken_mark.h, replaced.h). With
 * WIRE_PENDING_TOLD the slot keeps SLOT_REQUEST, on which the outcome comes. False with `why` set: then the
 * caller must guard_cut().
 */
bool guard_hand_over(struct guard *guard, enum wire_connecting connecting);

/*
 * The part of it that makes the program's numbers refer to `end`, the program's end of the pair, by
 * guard->install if there is one. False with errno.
 */
bool guard_switch(const struct guard *guard, int end);

/* Puts guard_tcp() in the place of the program's socket, whose state it is to show. False with errno. */
bool guard_show_tcp(const struct guard *guard);

/* Sees to it that nothing that the program has can reach the server any more. Keeps errno. */
void guard_cut(const struct guard *guard);

/* Tells the log what became of this connection, and `why`. Keeps errno. */
void guard_log(const struct guard *guard, enum library_log_result result);

/* 127.0.0.1 for 0.0.0.0, ::1 for ::, which is where the kernel connects then; any other unchanged. */
struct wire_address guard_destination(const struct wire_address *asked);

#endif
