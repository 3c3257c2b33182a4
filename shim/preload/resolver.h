/* What the files that watch the resolver share. */
#ifndef RETROTLS_PRELOAD_RESOLVER_H
#define RETROTLS_PRELOAD_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

/* The addresses that one lookup gave. Starts as zeroes. */
struct resolver_count {
    unsigned addresses;
};

/*
 * Remembers that a lookup of `name` gave the address of 4 (AF_INET) or 16 bytes (AF_INET6); other families
 * are left out. An address literal is remembered in its plain form. `port` is in host order, 0 where the
 * lookup named no service. `count` is the same for every address of one lookup.
 */
void resolver_remember(const char *name, int family, const void *bytes, uint16_t port,
                       struct resolver_count *count);

/*
 * The same for each address of a getaddrinfo() result; `node` and `service` as it was called with. `apart`:
 * another thread than the calling one did the lookup.
 */
void resolver_remember_all(const char *node, const char *service, const struct addrinfo *result, bool apart);

#endif
