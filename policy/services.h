/* Ports by the names of services. */
#ifndef RETROTLS_POLICY_SERVICES_H
#define RETROTLS_POLICY_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
