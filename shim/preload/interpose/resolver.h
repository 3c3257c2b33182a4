/* Shared by the files that watch the resolver. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H
#define RETROTLS_PRELOAD_INTERPOSE_RESOLVER_H

#include <netdb.h>
#include <stdint.h>

#include "preload/names/names.h"

/* Remembers each address and the canonical name of a getaddrinfo() result; `service` is the question's. */
void resolver_answer_all(struct names_question *question, const char *service, const struct addrinfo *result);

#endif
