/* Ports: the mail services' names, and the protocols that are known by a port. */
#ifndef RETROTLS_POLICY_SERVICES_H
#define RETROTLS_POLICY_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"

/* /etc/services, read when it is first needed. */
struct services {
    char *text;
    size_t length;
    bool asked;
};

/*
 * The port of a service: a mail service known here, or one of /etc/services (services(5)), for TCP. False
 * where neither has it.
 */
bool service_port(struct services *services, const char *name, uint16_t *port);
void services_forget(struct services *services);

/* The mail services' names, NULL at the end. */
extern const char *const service_names[];

/* The protocol spoken at one of the usual ports of plaintext mail; PROTOCOL_AUTO for any other. */
enum protocol_kind port_protocol(uint16_t port);
/* The usual ports, 0 at the end. */
extern const uint16_t usual_ports[];

#endif
