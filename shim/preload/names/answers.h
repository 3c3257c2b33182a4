/* Brings the answers to a question into the form that names.h remembers. */
#ifndef RETROTLS_PRELOAD_NAMES_ANSWERS_H
#define RETROTLS_PRELOAD_NAMES_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/names/names.h"

/*
 * Remembers that the answer has this address of 4 (AF_INET) or 16 bytes (AF_INET6); ignores other families.
 * If the question was an address literal, remembers its plain form. `port` is in host order, 0 if the
 * question named no service.
 */
void answer_address(struct names_question *question, int family, const void *bytes, uint16_t port);

/*
 * Remembers the addresses and names of a DNS answer (dns_answer.h). False if the answer is malformed. The
 * program must not get it then, because it might find names in it that we do not. `whole` is as for
 * dns_answer_each().
 */
bool answer_dns(struct names_question *question, const uint8_t *message, size_t length, bool whole);

#endif
