/*
 * The files of the relay's own user that a program may still name once it has become another user: those that
 * were named before. It has the token still; but whoever takes such a program over must not write a log to
 * where he could not, nor show a certificate whose key he could not read.
 */
#ifndef RETROTLS_RELAY_PATHS_H
#define RETROTLS_RELAY_PATHS_H

#include <stdbool.h>

#include "relay/connection.h"

enum { PATHS_LIMIT = 64 }; /* that are remembered; further ones are not */

/* The relay's own user has named these. */
void paths_remember(const struct settings *settings);

/*
 * Another user has: what was not named before is left out. Of a log, its line goes to syslog; without a
 * client certificate, the connection must not be: c->request.failure says why.
 */
void paths_restrict(struct connection *c);

#endif
