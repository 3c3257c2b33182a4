/* Decides whether a block of the policy fits a connection. */
#ifndef RETROTLS_POLICY_FITS_H
#define RETROTLS_POLICY_FITS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/model.h"
#include "policy/policy.h"

enum { HOST_LIMIT = 256 }; /* RFC 1035, 2.3.4, with the NUL */

/* A query with one of its names, prepared for comparison. */
struct subject {
    const struct policy_query *query;
    enum protocol_kind protocol;
    bool any_protocol;  /* not known: it may be any that a block names */
    bool any[CRITERIA]; /* the same for each criterion; only a block that guards then fits */
    bool unnamed;       /* no name was seen; likewise, for blocks that only exclude hosts */
    bool usual;         /* the port is one of the usual ones */
    bool has_address, loopback;
    bool here; /* loopback, asked for by address or by a name of this machine */
    uint8_t address[16];
    char host[HOST_LIMIT]; /* lower case, without a final dot; "" if unknown */
    const char *base_name; /* the program's; NULL if unknown */
};

/* Prepares the query, with no name selected yet. */
struct subject subject_of(const struct policy_query *query);

/* Selects the query's name number `i`; an `i` beyond the last selects none. */
void set_host(struct subject *subject, uint32_t i);

bool block_fits(const struct block *block, const struct subject *subject);

/* Whether the block may be about the subject's program, as far as its `program` values say. */
bool block_fits_program(const struct block *block, const struct subject *subject);

/* Whether the block's criterion depends on something that we do not know. */
bool asks_for_any(const struct block *block, unsigned criterion, const struct subject *subject);

/* Whether a `host` value of the block fits the subject's host, and does not span a whole top-level domain. */
bool names_host(const struct block *block, const struct subject *subject);

/* Ports that we assume an unreadable block is not about. */
bool surely_not_guarded(uint16_t port);

#endif
