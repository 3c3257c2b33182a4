/*
 * One guarded connection, from the decision to the switch. connect() and the watch on read and write
 * (first_use.h) are built from these steps.
 *
 * connect() connects a TCP socket that the library makes (tcp_copy.h) and whose number the program does not
 * know. It never connects the program's own socket. A connection that is up already when the library finds it
 * is handed over itself.
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
 * Makes the program's numbers of the socket guard->fd, whose SO_COOKIE is guard->cookie, refer to `socket`,
 * which stays open. Returns false with errno set if some may still refer to the old socket.
 */
typedef bool guard_install(const struct guard *guard, int socket);

struct guard {
    int fd;                    /* the program's */
    guard_install *install;    /* NULL: the numbers are this process's (switch.h) */
    struct wire_address asked; /* the address that the program asked for */
    struct slot *slot;
    int64_t started;          /* sys_milliseconds() of connect() */
    uint64_t cookie;          /* of the program's TCP socket */
    bool has_copy;            /* we hand over SLOT_TCP, not the program's own socket */
    uint64_t tcp_cookie;      /* of that copy */
    const char *host;         /* the name asked for; NULL: look in the memory of names (names.h) */
    enum protocol_kind shown; /* what the server's greeting shows; PROTOCOL_AUTO: not known */
    char why[GUARD_WHY_LIMIT];
};

/* Signals must be blocked for all of these. */

/*
 * Asks `policy` and fills in the slot's guard request. After DECISION_ERROR the request's `failure` says why
 * this connection must not be made.
 */
enum decision guard_decide(struct guard *guard, const struct policy *policy);

/*
 * Acquires everything the connection will need, before a byte is sent to the server. On failure returns
 * false, with errno as the program should see it and `why` set.
 */
bool guard_acquire(struct guard *guard);

/* Makes guard_tcp(), the socket to connect, like the program's own. Fails as above. */
bool guard_copy_tcp(struct guard *guard);

/* The TCP socket that is connected or handed over; -1 if it is lost. */
int guard_tcp(const struct guard *guard);

/*
 * Hands the TCP socket to the relay and switches the program's numbers. Another process that still has the
 * program's own socket finds it marked as taken (taken_mark.h, replaced.h). With WIRE_PENDING_TOLD the slot
 * keeps SLOT_REQUEST, where the outcome will arrive. Returns false with `why` set; the caller must then call
 * guard_cut().
 */
bool guard_hand_over(struct guard *guard, enum wire_connecting connecting);

/*
 * The step of guard_hand_over() that makes the program's numbers refer to `end`, the program's end of the
 * pair, with guard->install if it is set. Returns false with errno set.
 */
bool guard_switch(const struct guard *guard, int end);

/* Shows the program guard_tcp(), with its state, in place of its own socket. Returns false with errno set. */
bool guard_show_tcp(const struct guard *guard);

/* Makes sure that nothing the program has can reach the server any more. Keeps errno. */
void guard_cut(const struct guard *guard);

/* Logs what became of this connection, and `why`. Keeps errno. */
void guard_log(const struct guard *guard, enum library_log_result result);

/* 127.0.0.1 for 0.0.0.0 and ::1 for ::, where the kernel connects instead; other addresses unchanged. */
struct wire_address guard_destination(const struct wire_address *asked);

#endif
