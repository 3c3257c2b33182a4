/* What the files that watch the resolver share. */
#ifndef RETROTLS_PRELOAD_RESOLVER_H
#define RETROTLS_PRELOAD_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Remembers that a lookup of `name` gave the address of 4 (AF_INET) or 16 bytes (AF_INET6); other families
 * are left out. An address literal is remembered in its plain form. `port` is in host order, 0 where the
 * lookup named no service.
 */
void resolver_remember(const char *name, int family, const void *bytes, uint16_t port);

/* The same for each address of a getaddrinfo() result; `node` and `service` as it was called with. */
void resolver_remember_all(const char *node, const char *service, const struct addrinfo *result);

#endif
