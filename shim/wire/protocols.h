/* What every part of retrotls knows of the mail protocols: protocols.def, as an enum and as tables. */
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

/* All of their names, but `auto`, for a person: "smtp, lmtp, ...". */
extern const char *const protocol_names_listed;

/* The protocol spoken at one of the usual ports of plaintext mail; PROTOCOL_AUTO for any other. */
enum protocol_kind port_protocol(uint16_t port);

/* The protocol that has TLS from the first byte at `port`; PROTOCOL_AUTO for any other. */
enum protocol_kind implicit_port_protocol(uint16_t port);

/* Where the protocol has TLS from the first byte; 0: nowhere of its own. */
uint16_t protocol_implicit_port(enum protocol_kind kind);

enum { PROTOCOL_PORTS = 2 };
/* The plaintext ports it is known by, 0 where there are fewer. */
const uint16_t *protocol_ports(enum protocol_kind kind);

/* The usual ports of all of them, 0 at the end. */
extern const uint16_t usual_ports[];

#endif
