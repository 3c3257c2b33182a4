/*
 * Grants: what the policy of a live connection names, and with whose rights to open it. Each request of a
 * program gets a grant, and the worker can ask for nothing that no grant covers. A grant ends when the worker
 * says so. If a compromised worker never does, it ends with the program.
 *
 * What a program wrote before it ended must still be delivered, and the session may need its files for that.
 * So the grants of an ended program last as long as the policy allows a negotiation to take. Before Linux 5.3
 * the kernel does not report the end of a program, and only the worker ends grants.
 */
#ifndef RETROTLS_MONITOR_GRANTS_H
#define RETROTLS_MONITOR_GRANTS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "monitor/asker.h"
#include "monitor/credentials.h"
#include "monitor/messages.h"
#include "monitor/roots/system_roots.h"
#include "wire/wire.h"

enum {
    GRANTS_LIMIT = 8192 + 1024, /* one for each possible connection, and spares for those refused */
    GRANT_LINES = 4,            /* log lines for one connection: its outcome, and warnings */
};

struct grant {
    uint32_t number; /* never 0, and not reused soon */
    struct credentials *rights;
    uint64_t rights_number;
    struct system_roots system;   /* if its settings need them; grant_facts() finds them */
    struct guard_request request; /* its strings are in `message`, or belong to the maker of the grant */
    uint8_t *message;
    int standard_error;  /* the program's, for the log; -1: none */
    unsigned lines;      /* log lines written so far */
    EVP_PKEY *key;       /* the client-key, once the worker has asked for it */
    struct asker *asker; /* the program's process; NULL if unknown */
    int64_t until;       /* ms of CLOCK_MONOTONIC: after this, it ends once the program has ended */
};

/*
 * Makes a grant for the request in `message` (`length` bytes, copied), or for `settings`, whose strings must
 * outlive it. Takes ownership of `rights`, also on failure. Returns NULL if the request is malformed, there
 * are too many grants, or there is no memory.
 */
struct grant *grant_for_message(const uint8_t *message, size_t length, struct credentials *rights);
struct grant *grant_for_settings(const struct settings *settings, struct credentials *rights);

/* Makes the grant belong to the process that is connected to `connection`. */
void grant_belongs_to_peer(struct grant *grant, int connection);

/* Returns NULL if there is no such grant, or it has ended. */
struct grant *grant_find(uint32_t number);
/* Every few seconds, ends the grants that are over. Returns the ms until the next call is due; -1: never. */
int grants_sweep(void);
/* Removes the grant, closes its descriptors and wipes its key. */
void grant_end(struct grant *grant);

/* The paths that its settings name, indexed by enum named; NULL if they name none. */
void grant_paths(const struct grant *grant, const char *path[NAMED_COUNT]);
/*
 * Finds the system's roots, and fills in what the worker learns of the grant in advance: the state of each
 * file, as seen with the grant's rights.
 */
void grant_facts(struct grant *grant, struct grant_facts *facts);

#endif
