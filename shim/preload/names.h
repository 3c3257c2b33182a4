/*
 * The names that the program asked the resolver for: the certificate must match the name that the program
 * itself asked for, which only its process can know.
 *
 * A table of fixed size in memory shared with forked children (a resolver child's answers count), written
 * without locks, so that it can be used from a signal handler and survives a process killed in the middle.
 *
 * Who asked matters, because a spoofed answer may give an attacker's host (a link in a mail) and the mail
 * server the same address, and the attacker has a good certificate for his own host. A lookup belongs to the
 * thread that made it. A forked child's thread is another thread, but it descends from the one that forked:
 * what that one had asked for until the fork counts as the child's own, what it asks for later does not.
 */
#ifndef RETROTLS_PRELOAD_NAMES_H
#define RETROTLS_PRELOAD_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum { NAME_LIMIT = 256 }; /* bytes, with the NUL: RFC 1035, 2.3.4 */

/*
 * Makes the table: called by the library's constructor, before the program can fork, so that its children
 * share it. Called again, it does nothing. Without memory for it, nothing is remembered.
 */
void names_start(void);

/*
 * Remembers that the calling thread asked for `name` and got `address`; address->port is the port that the
 * lookup named (a service), or 0. Keeps errno. Names too long are not remembered. An IPv4 address mapped
 * into IPv6 is the IPv4 address; a scope is not told apart.
 */
void names_remember(const char *name, const struct wire_address *address);

/*
 * The same for a lookup that no thread of the program's made: it has no place in the order of any thread's
 * lookups, so each name counts as a thread's of its own.
 */
void names_remember_apart(const char *name, const struct wire_address *address);

/*
 * Makes all that was remembered until now unusable: a lookup gave more addresses than are kept. What names an
 * address has is then not known, and to go by those that happen to be left would be to trust the answer that
 * pushed the others out.
 */
void names_forget(void);

struct names_found {
    uint32_t count; /* 0: nobody asked for this address */
    bool lost;      /* there may have been names that are not given */
    char name[SETTINGS_LIST_LIMIT][NAME_LIMIT];
};

/*
 * The names that a connection of the calling thread to `address` is for. The first of these that there are:
 *
 *   1. this thread's lookups with this port;
 *   2. other threads' of this process with this port; 3. other processes' of the family with this port;
 *   4., 5., 6. the same for lookups that named no port.
 *
 * Within a thread the latest name wins; different threads' names are all given, and the certificate must
 * match every one of them. This process comes before the family so that the children of a preforking server
 * do not get in each other's way. What this thread asked for without a port is given too where 2 or 3
 * decides, and where 1 does and it is later and no address literal (which is a conversion of what an earlier
 * lookup gave): the safe direction is more names to match.
 *
 * More names than SETTINGS_LIST_LIMIT: `count` is UINT32_MAX, and the caller must fail; `lost` is set. So it
 * is where no name is found and one has ever been forgotten, for whoever answers the program's lookups can
 * make the table forget.
 */
void names_find(const struct wire_address *address, struct names_found *found);

#endif
