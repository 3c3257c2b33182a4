/*
 * Grants: each one records which files the policy of a live connection names, and with whose rights to open
 * them. Any thread may call these functions. Each request of a program gets a grant, and the worker can ask
 * for nothing that no grant covers. A grant ends when the worker says so. If a compromised worker never does,
 * it ends with the program.
 *
 * What a program wrote before it ended must still be delivered, and the session may need its files for that.
 * So the grants of an ended program last for as long as the policy allows a negotiation to take. Before Linux
 * 5.3 the kernel does not report the end of a program, so only the worker ends grants.
 */
#ifndef RETROTLS_MONITOR_GRANTS_H
#define RETROTLS_MONITOR_GRANTS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "monitor/asker.h"
#include "monitor/files/credentials.h"
#include "monitor/files/system_roots.h"
#include "monitor/messages.h"
#include "wire/wire.h"

enum {
    GRANTS_LIMIT = 8192 + 1024, /* one for each possible connection, and some for refused ones */
    GRANT_LINES = 4,            /* log lines for one connection: its outcome, and warnings */
};

struct grant {
    uint32_t number; /* never 0, and not reused soon */
    struct credentials *rights;
    uint64_t rights_number;
    struct system_roots system;   /* set if the settings need them; grant_facts() finds them */
    struct guard_request request; /* its strings are in `message`, or belong to whoever made the grant */
    uint8_t *message;
    int alternative;        /* the socket that may be connected: grant_take_alternative(); -1: none */
    int standard_error;     /* the program's, for the log: grant_borrow_error(); -1: none */
    _Atomic unsigned lines; /* log lines written so far */
    struct asker *asker;    /* the program's process; NULL if unknown */
    int64_t until;          /* ms of CLOCK_MONOTONIC: the grant of an ended program ends then */
    EVP_PKEY *key;          /* the client-key: grant_key() */
    unsigned references;    /* one for each user of the grant, and one until it ends */
    struct grant *next_ended;
};

/*
 * Makes a grant for the request in `message` (`length` bytes, copied), or for `settings`, whose strings must
 * outlive the grant. Takes ownership of `rights`, also on failure. Release the grant with grant_put().
 * Returns NULL if the request is malformed, if there are too many grants, or if there is no memory.
 */
struct grant *grant_for_message(const uint8_t *message, size_t length, struct credentials *rights);
struct grant *grant_for_settings(const struct settings *settings, struct credentials *rights);

/* Makes the grant belong to the process that is connected to `connection`. */
void grant_belongs_to_peer(struct grant *grant, int connection);

/*
 * Returns NULL if there is no such grant, or it has ended. Otherwise the grant stays valid, even if it ends
 * meanwhile, until you release it with grant_put().
 */
struct grant *grant_find(uint32_t number);
void grant_put(struct grant *grant);
/*
 * Call this every few seconds: it ends the grants that are over. Returns the ms until the next call; -1:
 * never.
 */
int grants_sweep(void);
/*
 * Ends the grant with that number, if there is one. Closes its standard error at once, unless it is borrowed.
 * Once nobody uses the grant any more, its key is wiped.
 */
void grant_end(uint32_t number);
void grants_end_all(void);

/* Returns the socket for the alternative, which is then the caller's; -1: none, or taken before. */
int grant_take_alternative(struct grant *grant);

/*
 * Returns the program's standard error, for a line of the log; -1: none. Give it back with
 * grant_return_error(), which closes it if the grant has ended meanwhile.
 */
int grant_borrow_error(struct grant *grant);
void grant_return_error(struct grant *grant, int standard_error);

/* Returns the client's key, or NULL if the worker has not asked for it yet. It lives as long as the grant. */
EVP_PKEY *grant_key(const struct grant *grant);
/* Stores the key in the grant. If the grant has one already, frees `key`. */
void grant_set_key(struct grant *grant, EVP_PKEY *key);

#endif
