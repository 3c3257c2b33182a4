/* Switching a connection that is made already: what the watch does with one that the policy may guard. */
#ifndef RETROTLS_PRELOAD_ADOPT_ADOPT_H
#define RETROTLS_PRELOAD_ADOPT_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/adopt/first_use.h"
#include "preload/adopt/tcp_use.h"
#include "preload/guard/guard.h"

/* At what time a connection is looked at. */
enum occasion {
    AT_USE,     /* a read or a write is about to be made */
    AT_STREAM,  /* the same, by stdio */
    AT_START,   /* the program has just been started with it, for its use: standard input, ... */
    AT_ARRIVAL, /* it is there; the program may never use it */
};

/* One look. */
struct look {
    int fd;
    enum occasion occasion;
    enum first_use_way way;
    bool may_wait;
    enum tcp_use use;
    uint64_t cookie;    /* of the TCP socket */
    bool is_taken;      /* by connect() of another process, which shares the socket */
    bool is_smc;        /* no TCP socket (smc.h): it cannot be switched */
    const void *frame;  /* of the program's call */
    struct guard guard; /* asked, shown: as known */
    bool again;         /* it has changed meanwhile: to be looked at once more */
    bool unguarded;     /* the policy has no say */
};

/*
 * Asks the policy about the connection to look->guard.asked, and does as it says; look->again or
 * look->unguarded may be set. Without a use
 * (AT_ARRIVAL) what must not be used is left alone; at AT_START its number leads nowhere then (refused.h).
 */
enum first_use adopt(struct look *look, const struct policy *policy);

#endif
