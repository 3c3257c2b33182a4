/*
 * Which protocol a mail server's greeting shows, for connections to ports that no rule names.
 *
 * Stricter than the relay, which is asked about connections that a rule guards: here a wrong "yes" would
 * break another protocol's session. And whoever is on the path can change the greeting, so this finds mail
 * servers that were not thought of; a server that must be protected needs a rule with its port.
 */
#ifndef RETROTLS_PRELOAD_ADOPT_GREETING_H
#define RETROTLS_PRELOAD_ADOPT_GREETING_H

#include <stddef.h>

#include "wire/settings.h"

enum { GREETING_LIMIT = 512 }; /* bytes that are looked at: a reply line of RFC 5321, 4.5.3.1.5 */

/* PROTOCOL_AUTO where the bytes that the server sent first are no such greeting. */
enum protocol_kind greeting_protocol(const char *bytes, size_t length);

#endif
