/*
 * Socket options that the program reads and sets on its end and means for its TCP socket, which the relay
 * has.
 */
#ifndef RETROTLS_RELAY_OPTIONS_H
#define RETROTLS_RELAY_OPTIONS_H

#include "wire/wire.h"

/*
 * Reads or sets the option on the live connection that `request->cookie` names. Returns 0 or an errno:
 * ENOTCONN where there is none, EPERM for an option that is no business of a program's (it would take memory
 * or descriptors of the relay's, or change what is sent). get: `value` has room for WIRE_VALUE_LIMIT bytes,
 * `*length` is set.
 */
int option_get(const struct option_request *request, uint8_t *value, uint32_t *length);
int option_set(const struct option_request *request);

#endif
