/*
 * The names that the program asked the resolver for (rule 9 of the design: the certificate must match the
 * name that the program itself asked for).
 *
 * A table of fixed size in memory shared with forked children (a resolver child's answers count), written
 * without locks, so that it can be used from a signal handler and survives a process killed in the middle.
 */
#ifndef RETROTLS_PRELOAD_NAMES_H
#define RETROTLS_PRELOAD_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum { NAME_LIMIT = 256 }; /* bytes, with the NUL: RFC 1035, 2.3.4 */

/* Called by the library's constructor, before any thread exists. Without it nothing is remembered. */
void names_start(void);

/*
 * Remembers that the calling thread asked for `name` and got `address`; address->port is the port that the
 * lookup named (a service), or 0. Keeps errno. Names too long are not remembered.
 */
void names_remember(const char *name, const struct wire_address *address);

struct names_found {
    uint32_t count; /* 0: nobody asked for this address */
    char name[SETTINGS_LIST_LIMIT][NAME_LIMIT];
};

/*
 * The names that a connection of the calling thread to `address` is for, by the design's tiers: same thread
 * and port; any thread, same port; only if no entry has that port: same thread, no port; any thread, no port.
 * Within a thread and tier the latest name wins; different threads' names are all given. More names than
 * SETTINGS_LIST_LIMIT: `count` is UINT32_MAX, and the caller must fail.
 */
void names_find(const struct wire_address *address, struct names_found *found);

#endif
