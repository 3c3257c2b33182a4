/*
 * The relay's connections: the live ones, each with its thread, and the TCP sockets of failed connect()s,
 * which are kept for a while in case the program tries again.
 *
 * A connection belongs to its thread. One lock guards what other threads may see of it. The TCP socket is
 * taken out of their reach before it is closed, so that nobody sets an option on another socket that has been
 * given the same number.
 */
#ifndef RETROTLS_RELAY_CONNECTION_H
#define RETROTLS_RELAY_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "relay/pair_identity.h"
#include "relay/protocol/failure.h"
#include "relay/sandbox/monitor_client.h"
#include "wire/wire.h"

enum {
    CONNECTIONS_LIMIT = 8192,
    KEPT_LIMIT = 64,      /* TCP sockets of failed connect()s */
    KEPT_FOR = 60 * 1000, /* ms */
    BROKEN_LIMIT = 256,   /* connections whose error is remembered after they broke */
};

/* What `status` reports about a connection. Guarded by the lock. */
struct connection_state {
    enum wire_stage stage;
    const char *protocol; /* "" until known */
    char version[16], cipher[64];
};

struct connection {
    struct connection *next, *previous; /* under the lock */
    struct connection *next_waiting;    /* for thread_pool.c */
    struct guard_request request;       /* its strings point into `message` */
    uint8_t *message;
    struct pair_identity pair;
    int tcp;            /* -1: none (the connection failed before there was one) */
    int program;        /* the relay's end of the pair */
    int room;           /* shows whether the program's end is writable (relay_end.h) */
    int no_delay;       /* the program's TCP_NODELAY; -1: that of the socket (options.h). Under the lock */
    struct files files; /* named by its policy; held until the outcome is logged */
    int64_t began;      /* when connect() was called, on plain_now() */
    char server[CLEAN_FIELD_LIMIT + 1]; /* its name, or address, cleaned */
    int error;                          /* the errno that broke TCP; 0: it did not break */
    int asker;                          /* the request to send TCP's outcome to; -1: none */
    int claimant;                       /* the request to hand the TCP socket to; -1: none. Under the lock */
    struct linger linger;               /* the program's own setting, saved when the socket is claimed */
    struct connection_state state;
    _Atomic uint64_t up, down; /* bytes from the program and to it */
};

/*
 * Makes a connection for the request that was taken. On success the connection owns the request's
 * descriptors, its files and `room`. Returns NULL without memory, at the limit, or if the request is
 * malformed; the caller then keeps them all.
 */
struct connection *connection_new(const struct taken_guard *taken, int room);
/*
 * Removes the connection, closes what it holds (or hands the TCP socket to the request that claimed it), and
 * frees it.
 */
void connection_free(struct connection *c);

/* Keeps the TCP socket of a failed connect() for connection_reclaim(). */
void connection_keep_tcp(struct connection *c);
/*
 * Makes `tcp` the connection's TCP socket, as the program has set up the one before it, and returns that one,
 * which is then the caller's. Returns -1 and does nothing if the program has called the connection off.
 */
int connection_exchange_tcp(struct connection *c, int tcp);
/* Sends TCP's outcome, an errno or 0, to the request that waits for it, if there is one. */
void connection_report_outcome(struct connection *c, int error);

void connection_set_stage(struct connection *c, enum wire_stage stage);
void connection_set_protocol(struct connection *c, const char *protocol);
void connection_set_tls(struct connection *c, const char *version, const char *cipher);

/* The number of connections. */
size_t connections(void);
/*
 * Sets the eventfd that is written to each time a connection ends, for the loop that waits for the last one.
 * It must live as long as the process. -1: nobody waits.
 */
void connections_notify(int eventfd);

/* Calls `act` with each connection, under the lock, until it returns false. */
void connection_each(bool (*act)(const struct connection *c, void *argument), void *argument);

/*
 * Calls `act`, under the lock, with the live connection of that pair, and returns its result. Returns
 * ENOTCONN if there is no such connection, EBADF if its TCP socket is closed.
 */
int connection_with_tcp(const struct pair_identity *pair, int (*act)(struct connection *c, void *argument),
                        void *argument);

/*
 * Returns a duplicate of the TCP socket of the live connection of that pair, to work on it without the lock;
 * -1 with errno as connection_with_tcp() returns it, or EMFILE. Give it back with connection_return_tcp(),
 * which never waits.
 */
int connection_borrow_tcp(const struct pair_identity *pair);
void connection_return_tcp(const struct pair_identity *pair, int tcp);

/*
 * Ends the live connection of that pair at once, without sending another byte to the server;
 * connection_free() then answers `request` (it uses a duplicate) with the TCP socket. Returns false if there
 * is no such connection, or if its socket has been claimed already.
 */
bool connection_surrender(const struct pair_identity *pair, int request);

/*
 * The errno that broke TCP for the connection of that pair, for example a timeout. It is remembered for the
 * last BROKEN_LIMIT connections that broke; 0: not known. ECONNRESET is not remembered, because the program's
 * end reports it by itself.
 */
int connection_broke_with(const struct pair_identity *pair);

/*
 * Returns the TCP socket that connection_keep_tcp() kept for that pair, and gives it up; -1: there is none.
 */
int connection_reclaim(const struct pair_identity *pair);

#endif
