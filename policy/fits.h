/* Whether a block of the policy fits a connection. */
#ifndef RETROTLS_POLICY_FITS_H
#define RETROTLS_POLICY_FITS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/model.h"
#include "policy/policy.h"

enum { HOST_LIMIT = 256 }; /* RFC 1035, 2.3.4, with the NUL */

/* A query with one name, made ready for comparing. */
struct subject {
    const struct policy_query *query;
    enum protocol_kind protocol;
    bool any_protocol;  /* it is not known, and may be any that a block names */
    bool any[CRITERIA]; /* likewise: a block that guards fits by it, one that does not guard does not */
    bool unnamed;       /* likewise for a block that is about all hosts but some, as no name was seen */
    bool usual;         /* port */
    bool has_address, loopback;
    bool here; /* loopback, and meant to be: asked for by address or by a name of this machine */
    uint8_t address[16];
    char host[HOST_LIMIT]; /* lower case, no dot at its end; "": none that is known */
    const char *base_name; /* of the program; NULL: unknown */
};

/* The query with no name yet. */
struct subject subject_of(const struct policy_query *query);

/* From now on, the query with its name number `i` alone; `i` beyond the last: with none. */
void set_host(struct subject *subject, uint32_t i);

bool block_fits(const struct block *block, const struct subject *subject);

/* Whether the block is about something that is not known. */
bool asks_for_any(const struct block *block, unsigned criterion, const struct subject *subject);

/* Whether the block has a value, and not one for whole top-level domains, that fits the subject's host. */
bool names_host(const struct block *block, const struct subject *subject);

/* Ports that a block which cannot be read is not taken to be about. */
bool surely_not_guarded(uint16_t port);

#endif
