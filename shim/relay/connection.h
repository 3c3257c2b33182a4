/*
 * The connections that the relay has: the live ones, each with its thread, and the TCP sockets of connect()s
 * that failed, kept for a while for a program that tries again.
 *
 * A connection belongs to its thread. What other threads may see of it is under one lock, and its TCP socket
 * is taken out of their reach before it is closed, so that no option is set on another socket of the same
 * number.
 */
#ifndef RETROTLS_RELAY_CONNECTION_H
#define RETROTLS_RELAY_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "relay/failure.h"
#include "relay/pair_identity.h"
#include "relay/sandbox/monitor_client.h"
#include "wire/wire.h"

enum {
    CONNECTIONS_LIMIT = 8192,
    KEPT_LIMIT = 64,      /* TCP sockets of failed connect()s */
    KEPT_FOR = 60 * 1000, /* ms */
    BROKEN_LIMIT = 256,   /* connections of which it is known why they broke */
};

/* What `status` tells of a connection. Under the lock. */
struct connection_state {
    enum wire_stage stage;
    const char *protocol; /* "" until known */
    char version[16], cipher[64];
};

struct connection {
    struct connection *next, *previous; /* under the lock */
    struct connection *next_waiting;    /* thread_pool.c's */
    struct guard_request request;       /* its texts are in `message` */
    uint8_t *message;
    struct pair_identity pair;
    int tcp;      /* -1: none (a failure without a connection) */
    int program;  /* the relay's end of the pair */
    int room;     /* tells whether the program's end can be written to (relay_end.h) */
    int no_delay; /* the program's TCP_NODELAY; -1: the socket's own is it (options.h). Under the lock */
    struct files files;                 /* that its policy names, until the outcome is in the log */
    int64_t began;                      /* when connect() was called, on plain_now() */
    char server[CLEAN_FIELD_LIMIT + 1]; /* its name, or address, cleaned */
    int error;                          /* errno with which TCP broke, once it has; 0: another end */
    int asker;                          /* the request that is to be told TCP's outcome; -1: none */
    int claimant;         /* the request that waits for the TCP socket; -1: none. Under the lock */
    struct linger linger; /* the program's own, once claimed */
    struct connection_state state;
    _Atomic uint64_t up, down; /* bytes of the program's and for it */
};

/*
 * A connection for the request that was taken; its descriptors, its files and `room` are the
 * connection's from then on. NULL where there is no memory, the limit is reached or it is none, and they stay
 * the caller's.
 */
struct connection *connection_new(const struct taken_guard *taken, int room);
/* Forgets it, closes what it holds (or gives the TCP socket back to who has claimed it) and frees it. */
void connection_free(struct connection *c);

/* The TCP socket of a failed connect() is kept for connection_reclaim(). */
void connection_keep_tcp(struct connection *c);
/* Tells TCP's outcome, an errno or 0, to who waits for it, if anybody does. */
void connection_tell_outcome(struct connection *c, int error);

void connection_set_stage(struct connection *c, enum wire_stage stage);
void connection_set_protocol(struct connection *c, const char *protocol);
void connection_set_tls(struct connection *c, const char *version, const char *cipher);

/* How many there are. */
size_t connections(void);
/*
 * Written to once a connection has gone: an eventfd that lives as long as the process, for the loop that
 * waits for the last one's end. -1: nobody waits.
 */
void connections_tell(int eventfd);

/* Calls `act` with each, under the lock, until it returns false. */
void connection_each(bool (*act)(const struct connection *c, void *argument), void *argument);

/*
 * Calls `act` with the live connection of that pair, whose TCP socket is open, under the lock. Returns what
 * it returns; ENOTCONN where there is none, EBADF where its TCP socket is closed.
 */
int connection_with_tcp(const struct pair_identity *pair, int (*act)(struct connection *c, void *argument),
                        void *argument);

/*
 * The live connection of that pair is to end as it is, without another byte to the server, and
 * connection_free() is to answer `request` (of which a duplicate is kept) with its TCP socket. False where
 * there is no such connection, or somebody else has asked already.
 */
bool connection_surrender(const struct pair_identity *pair, int request);

/*
 * The errno with which TCP broke for the connection of that pair, one of the last that broke and are gone: by
 * time, say; 0 where it is not known. The program's end itself tells of ECONNRESET alone.
 */
int connection_broke_with(const struct pair_identity *pair);

/* Hands over the TCP socket that connection_keep_tcp() kept for that pair; -1 where there is none. */
int connection_reclaim(const struct pair_identity *pair);

#endif
