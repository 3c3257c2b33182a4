/*
 * Recognizes the protocol of a mail server by the first line of its greeting.
 *
 * Anyone on the path can change a greeting. Where a rule guards the connection, that only picks the protocol
 * in which TLS is then demanded. Where no rule does, recognition only finds mail servers that nobody thought
 * of: a server that must be protected needs a rule with its port.
 */
#ifndef RETROTLS_WIRE_GREETING_H
#define RETROTLS_WIRE_GREETING_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/protocols.h"

enum greeting_for {
    /* A rule guards the connection (protocol auto), so that it is about mail: a refusal is a greeting too. */
    GREETING_GUARDED,
    /* No rule names the port. A wrong "yes" would break another protocol, so the line must be clear. */
    GREETING_UNNAMED,
};

enum { GREETING_LINE = 512 }; /* bytes to look at: a reply line of RFC 5321, 4.5.3.1.5 */

/*
 * Returns the protocol whose greeting begins with `bytes`, the first that the server sent, or PROTOCOL_AUTO
 * if there is none. Only the bytes up to the first LF count.
 */
enum protocol_kind greeting_protocol(const char *bytes, size_t length, enum greeting_for who);

/* Whether a greeting of some protocol can begin with these bytes, which may be fewer than a line. */
bool greeting_may_begin(const char *bytes, size_t length);

#endif
