/*
 * Socket options that the program reads and sets on its end and means for its TCP socket, which the relay
 * has.
 */
#ifndef RETROTLS_RELAY_OPTIONS_H
#define RETROTLS_RELAY_OPTIONS_H

#include <stdbool.h>

#include "relay/connection.h"
#include "wire/wire.h"

/*
 * Has TCP send at once (TCP_NODELAY): the relay sends whole pieces already, and else the program's first
 * command would wait a round trip for the acknowledgement of the handshake's last message (Nagle's
 * algorithm). What the program reads and sets as its TCP_NODELAY is kept apart from then on, so that it
 * notices nothing.
 */
void option_hasten(const struct connection *c);

/*
 * Reads or sets the option on the live connection of that pair. Returns 0 or an errno:
 * ENOTCONN where there is none, ENOPROTOOPT for an option that is no business of a program's (it would take
 * memory or descriptors of the relay's, or change what is sent).
 * get: SO_ERROR is that with which TCP broke, of a connection that is gone too. `value` has room for
 * WIRE_VALUE_LIMIT bytes, `*length` is set. On `connection` lies the request, for the monitor to
 * read it and do it by the asking process's rights; -1: as far as that needs none.
 */
int option_get(const struct pair_identity *pair, const struct option_request *request, int connection,
               uint8_t *value, uint32_t *length);
int option_set(const struct pair_identity *pair, const struct option_request *request, int connection);

#endif
