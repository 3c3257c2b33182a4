/*
 * What name_memory.c and name_find.c share: the keys of the tables, the memories that a process reads, and
 * the table `own`. `me` is NULL for nobody in particular, who has asked for nothing.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_OWN_H
#define RETROTLS_PRELOAD_NAMES_NAME_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/names/lineage.h"
#include "preload/names/name_layout.h"
#include "wire/wire.h"

/* In place of a port: a record of `own` is about a name's origin and not about an address. */
#define NAME_OF_ORIGIN ((uint64_t)1 << 32)
/* In place of a port in a search: any port. */
#define NAME_ANY_PORT UINT64_MAX

/*
 * Equal for all addresses that connect() takes to the same place: an IPv4 address and its mapped form, the
 * unspecified address and loopback (net/ipv4/route.c, ip_route_output_key_hash_rcu(); net/ipv6/tcp_ipv6.c).
 * Spoofed DNS may answer 0.0.0.0, and the connection's own address is then 127.0.0.1.
 */
void name_key_of_address(uint64_t key[2], const struct wire_address *address);

/*
 * The memory to read after `at`: first those above, then what was heard. NULL after the last one. Begin with
 * `memory` itself.
 */
const struct name_memory *name_memory_next(const struct name_memory *memory, const struct name_memory *at);

/* When `me` last began a question that led to `key` with `port`, or NAME_ANY_PORT; 0: never. */
uint64_t name_own_of(const struct name_memory *memory, const struct lineage *me, const uint64_t key[2],
                     uint64_t port);

/*
 * Whether `me` may have begun a question that led to `key` though name_own_of() knows of none: the record was
 * lost, or it was an ancestor's that is too far back or has asked again since.
 */
bool name_own_may_be(const struct name_memory *memory, const struct lineage *me, const uint64_t key[2]);

/* Called after the answer is recorded: until then the older time stands, and more names must match. */
void name_own_write(struct name_memory *memory, struct lineage *me, uint64_t begun, const uint64_t key[2],
                    uint64_t port);

#endif
