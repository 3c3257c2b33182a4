/* Shared by the files that watch the resolver. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H
#define RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/names/names.h"

/*
 * Remembers that the answer has this address of 4 (AF_INET) or 16 bytes (AF_INET6); ignores other families.
 * If the question was an address literal, remembers its plain form. `port` is in host order, 0 if the
 * question named no service.
 */
void resolver_answer(struct names_question *question, int family, const void *bytes, uint16_t port);

/* The same for each address and the canonical name of a getaddrinfo() result; `service` is the question's. */
void resolver_answer_all(struct names_question *question, const char *service, const struct addrinfo *result);

#endif
