/* Detects servers that expect TLS from the first byte although nobody said so. */
#ifndef RETROTLS_CHECK_IMPLICIT_H
#define RETROTLS_CHECK_IMPLICIT_H

#include <stdbool.h>

#include "relay/negotiation.h"
#include "wire/wire.h"

enum {
    /* ms */
    SILENCE_TRIES_TLS = 1000, /* until we try whether a silent server expects TLS */
    TLS_ANSWER = 2500,        /* for connecting to try that, and for the answer */
    TLS_GREETING = 2000,      /* for the greeting inside TLS, if it is to show the protocol */
};

/*
 * True if a server that does not greet expects TLS. `fd` is connected to the server. If the server stays
 * silent, we open another connection to the same `target` and send a ClientHello. `host` is sent as SNI (RFC
 * 6066); NULL: none. Always false on port 25: TLS never comes first there, and servers delay their greeting
 * to catch clients that do not wait for it.
 */
bool implicit_expected(int fd, const struct wire_address *target, const char *host);

/*
 * Returns the name of the protocol that the greeting inside TLS shows, after a negotiation that left the
 * greeting unread. NULL if it shows none, or does not arrive in time.
 */
const char *implicit_protocol(struct negotiation *n);

#endif
