/*
 * The files that one connection may read: those that its settings name, and the system's roots where it is
 * verified by them. Each connection's thread gives up all others (Landlock) before it hears of the server.
 */
#ifndef RETROTLS_RELAY_DOMAIN_H
#define RETROTLS_RELAY_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"

enum {
    DOMAIN_FILES = 5,
    DOMAIN_AGE = 60000, /* ms that one is used: a folder of roots may have got links to other files since */
};

/* No padding: to be compared by memcmp(3). */
struct domain {
    struct {
        uint64_t device, inode; /* Landlock goes by these: a file that was replaced is another */
        uint64_t changed;       /* (a folder) ns */
    } file[DOMAIN_FILES];
    uint64_t system_roots;
    uint64_t age; /* in steps of DOMAIN_AGE; 0 where no folder is in it */
};

void domain_of(struct domain *domain, const struct settings *settings);
bool domain_is_same(const struct domain *one, const struct domain *other);

/*
 * The calling thread is shut into `domain`, which is that of `settings`. Once a thread: it cannot leave it.
 * 0, or an errno.
 */
int domain_enter(const struct domain *domain, const struct settings *settings);

#endif
