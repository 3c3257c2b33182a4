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
#include "preload/process/library_log.h"

enum { GUARD_WHY_LIMIT = 400 };

/* The program that connects, where it is not this process (shim/supervise). */
struct guard_client {
    uint32_t pid, uid;   /* effective user */
    const char *program; /* path of the executable; "" if it is not known */
    /* In place of names_find(). */
    void (*find_names)(const struct guard_client *client, const struct wire_address *address,
                       struct names_found *found);
    /* Makes the connection if the policy leaves it alone. Returns like connect(2). */
    int (*connect)(int fd, const struct sockaddr_storage *address, socklen_t length);
};

struct guard {
    int fd;                            /* the program's */
    const struct guard_client *client; /* NULL: this process is the program */
    struct wire_address asked;         /* the address that the program asked for */
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

/*
 * If the policy has an alternative to the port of `target`, where this connection goes, makes a socket for
 * it, like guard_copy_tcp(), and writes it into the request. Without such a socket the connection does
 * without an alternative.
 */
void guard_prepare_alternative(struct guard *guard, const struct wire_address *target);

/* The TCP socket that is connected or handed over; -1 if it is lost. */
int guard_tcp(const struct guard *guard);

/*
 * Hands the TCP socket to the relay and switches the program's numbers. Another process that still has the
 * program's own socket finds it marked as taken (taken_mark.h, replaced.h). With WIRE_PENDING_REPORTED the
 * slot keeps SLOT_REQUEST, where the outcome will arrive. Returns false with `why` set; the caller must then
 * call guard_cut().
 */
bool guard_hand_over(struct guard *guard, enum wire_connecting connecting);

/*
 * The step of guard_hand_over() that makes the program's numbers refer to `end`, the program's end of the
 * pair. Returns false with errno set.
 */
bool guard_switch(const struct guard *guard, int end);

/* Shows the program guard_tcp(), with its state, in place of its own socket. Returns false with errno set. */
bool guard_show_tcp(const struct guard *guard);

/* True if another preload of the program has a connect(), which then makes the connection. */
bool guard_connects_by_another(const struct guard *guard);

/* Makes sure that nothing the program has can reach the server any more. Keeps errno. */
void guard_cut(const struct guard *guard);

/* Logs what became of this connection, and `why`. Keeps errno. */
void guard_log(const struct guard *guard, enum log_result result);

#endif
