/* Looks up ports by service name. */
#ifndef RETROTLS_POLICY_SERVICES_H
#define RETROTLS_POLICY_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* /etc/services, read when first needed. */
struct services {
    char *text;
    size_t length;
    bool asked;
};

/* Finds the TCP port of a mail service that we know, or of one in /etc/services (services(5)). */
bool service_port(struct services *services, const char *name, uint16_t *port);
void services_forget(struct services *services);

/* The names of the mail services; ends with NULL. */
extern const char *const service_names[];

#endif
