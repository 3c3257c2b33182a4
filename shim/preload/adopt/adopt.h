/* Switches a connection that already exists: what first_use() does with one that the policy may guard. */
#ifndef RETROTLS_PRELOAD_ADOPT_ADOPT_H
#define RETROTLS_PRELOAD_ADOPT_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/adopt/first_use.h"
#include "preload/descriptor/tcp_use.h"
#include "preload/guard/guard.h"

/* When we look at a connection. */
enum occasion {
    AT_USE,     /* before a read or a write */
    AT_STREAM,  /* before stdio makes a stream of it */
    AT_START,   /* the program was started with it, for its use: standard input, ... */
    AT_ARRIVAL, /* it is open, but the program may never use it */
};

/* One look. */
struct look {
    int fd;
    enum occasion occasion;
    enum first_use_way way;
    bool may_wait;
    enum tcp_use use;
    uint64_t cookie;    /* of the TCP socket */
    bool is_taken;      /* another process, which shares the socket, has taken it in connect() */
    bool is_smc;        /* an SMC socket (smc.h), which cannot be switched */
    const void *frame;  /* of the program's call */
    struct guard guard; /* with `asked` and `shown`, as far as they are known */
    bool again;         /* it has changed since: look once more */
    bool unguarded;     /* the policy does not cover it */
};

/*
 * Asks the policy about the connection to look->guard.asked, and carries out the answer. May set look->again
 * or look->unguarded. If it is too late for TLS, AT_ARRIVAL leaves the connection alone until it is used. At
 * AT_START, a refused connection is replaced by a file that leads nowhere (refused.h).
 */
enum first_use adopt(struct look *look, const struct policy *policy);

#endif
