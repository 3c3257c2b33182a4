/*
 * Recognizes the protocol of a mail server's greeting, for connections to ports that no rule names.
 *
 * This is stricter than the relay, which sees only connections that a rule guards: here a wrong "yes" would
 * break another protocol's session. Anyone on the path can change the greeting, so this only finds mail
 * servers that nobody thought of. A server that must be protected needs a rule with its port.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_GREETING_H
#define RETROTLS_PRELOAD_ADOPT_GREETING_H

#include <stddef.h>

#include "wire/settings.h"

enum { GREETING_LIMIT = 512 }; /* bytes examined: a reply line of RFC 5321, 4.5.3.1.5 */

/* `bytes` are the first that the server sent. PROTOCOL_AUTO if they are no such greeting. */
enum protocol_kind greeting_protocol(const char *bytes, size_t length);

#endif
