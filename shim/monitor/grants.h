/*
 * What the policies of live connections name, and by whose rights. A grant is made for a request of the
 * program's, and the worker can ask for nothing that no grant has. It ends when the worker says so; where a
 * worker that was taken over does not, it ends with the program.
 *
 * What a program wrote before it ended is still delivered, and its session may need its files for that: so a
 * program that has ended leaves its grants as long as the policy gives a negotiation. Before Linux 5.3 the
 * kernel tells of no program's end, and the worker alone does.
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
    GRANTS_LIMIT = 8192 + 1024, /* as many as there can be connections, and some that are refused */
    GRANT_LINES = 4,            /* lines of the log for one connection: its outcome, and warnings */
};

struct grant {
    uint32_t number; /* never 0, and not given again soon */
    struct credentials *rights;
    uint64_t rights_number;
    struct system_roots system;   /* where its settings ask for them; found by grant_facts() */
    struct guard_request request; /* its texts are in `message`, or whoever made the grant keeps them */
    uint8_t *message;
    int standard_error;  /* of the program's, for the log; -1: none */
    unsigned lines;      /* that the log has got */
    EVP_PKEY *key;       /* the client-key, once it was asked for */
    struct asker *asker; /* the program's process; NULL where that is not known */
    int64_t until;       /* ms of CLOCK_MONOTONIC: without the program it lasts no longer */
};

/*
 * A grant for the request in `message` (`length` bytes, copied), or for `settings`, whose texts must outlive
 * it. `rights` is the grant's from then on, also where it cannot be made. NULL: malformed, too many, no
 * memory.
 */
struct grant *grant_for_message(const uint8_t *message, size_t length, struct credentials *rights);
struct grant *grant_for_settings(const struct settings *settings, struct credentials *rights);

/* Whose it is: the process that has connected to `connection`. */
void grant_belongs_to_peer(struct grant *grant, int connection);

/* NULL where there is none of that number, or it is over. */
struct grant *grant_find(uint32_t number);
/* Ends those that are over, if it has not looked for some seconds. In how many ms to call it again; -1:
 * never. */
int grants_sweep(void);
/* Forgets it, closes what it holds and wipes its key. */
void grant_end(struct grant *grant);

/* The paths that its settings name, in the order of enum named; NULL where they name none. */
void grant_paths(const struct grant *grant, const char *path[NAMED_COUNT]);
/* Finds the system's roots, and tells what is told of the grant ahead: the state of each file, as by its
 * rights. */
void grant_facts(struct grant *grant, struct grant_facts *facts);

#endif
