/* The mail protocols, from protocols.def, as an enum and as tables. */
#ifndef RETROTLS_WIRE_PROTOCOLS_H
#define RETROTLS_WIRE_PROTOCOLS_H

#include <stdint.h>

enum protocol_kind {
    PROTOCOL_AUTO, /* the greeting decides */
#define PROTOCOL(KIND, name, ports, implicit_port) PROTOCOL_##KIND,
#include "wire/protocols.def"
#undef PROTOCOL
    PROTOCOL_KINDS
};

enum { PROTOCOL_FIRST = PROTOCOL_AUTO + 1 }; /* for loops: up to PROTOCOL_KINDS */

/* The protocol's name as in a policy file ("smtp", ...; "auto"); never NULL. */
const char *protocol_kind_name(enum protocol_kind kind);

/* The names of all protocols except `auto`, for a person to read: "smtp, lmtp, ...". */
extern const char *const protocol_names_listed;

/* The protocol usually spoken in plaintext on `port`, or PROTOCOL_AUTO. */
enum protocol_kind port_protocol(uint16_t port);

/* The protocol that uses TLS from the first byte on `port`, or PROTOCOL_AUTO. */
enum protocol_kind implicit_port_protocol(uint16_t port);

/* The protocol's port for TLS from the first byte, or 0 if it has none. */
uint16_t protocol_implicit_port(enum protocol_kind kind);

enum { PROTOCOL_PORTS = 2 };
/* The protocol's usual plaintext ports, padded with 0. */
const uint16_t *protocol_ports(enum protocol_kind kind);

/* The usual plaintext ports of all protocols, with 0 at the end. */
extern const uint16_t usual_ports[];

#endif
