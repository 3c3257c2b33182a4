/* What the files that watch the resolver share. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H
#define RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/names/names.h"

/*
 * The answer has the address of 4 (AF_INET) or 16 bytes (AF_INET6); other families are left out. If the
 * question was an address literal, its plain form is what is remembered. `port` is in host order, 0 if the
 * question named no service.
 */
void resolver_answer(struct names_question *question, int family, const void *bytes, uint16_t port);

/* The same for each address of a getaddrinfo() result, and for its canonical name; `service` as in the
 * question. */
void resolver_answer_all(struct names_question *question, const char *service, const struct addrinfo *result);

#endif
