/*
 * Socket options that the program reads and sets on its own end, but means for the TCP socket, which the
 * relay holds.
 */
#ifndef RETROTLS_RELAY_OPTIONS_H
#define RETROTLS_RELAY_OPTIONS_H

#include <stdbool.h>

#include "relay/connection.h"
#include "wire/wire.h"

/*
 * Sets TCP_NODELAY. The relay writes whole pieces already, and with Nagle's algorithm the program's first
 * command would wait a round trip for the acknowledgement of the last handshake message. From then on the
 * value that the program reads and sets as TCP_NODELAY is kept separately, so that it notices no change.
 */
void option_hasten(const struct connection *c);

/*
 * Reads or sets the option on the live connection of that pair. Returns 0 or an errno: ENOTCONN if there is
 * no such connection, ENOPROTOOPT for an option that programs may not use (it would take the relay's memory
 * or descriptors, or change what is sent).
 *
 * option_get(): SO_ERROR is the error that broke TCP, even after the connection has gone. `value` has room
 * for WIRE_VALUE_LIMIT bytes; `*length` is set.
 *
 * `connection` holds the request, unread, for the monitor to carry out with the rights of the process that
 * asks; -1: do only what needs no rights.
 */
int option_get(const struct pair_identity *pair, const struct option_request *request, int connection,
               uint8_t *value, uint32_t *length);
int option_set(const struct pair_identity *pair, const struct option_request *request, int connection);

#endif
