/*
 * The names that a certificate has to be for (RFC 9525, 2: reference identities): those that the program
 * asked the resolver for, or those in the policy, in the form that certificates use.
 */
#ifndef RETROTLS_RELAY_TLS_REFERENCE_H
#define RETROTLS_RELAY_TLS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"

enum { REFERENCE_LIMIT = 256 }; /* bytes, with the NUL */

struct reference {
    bool is_address;            /* compare it with iPAddress names, not with dNSNames */
    char text[REFERENCE_LIMIT]; /* a host name of A-labels, no trailing dot; or as inet_ntop(3) writes it */
};

struct references {
    uint32_t count;
    bool any; /* the certificate must be for any of them; else for all */
    struct reference item[SETTINGS_LIST_LIMIT];
};

/*
 * Brings `name` into form: a number in any notation that the resolver takes ("127.1", "fe80::1%eth0") becomes
 * an address, U-labels (UTF-8) become A-labels (RFC 5891), and a trailing dot is removed. False if it is not
 * a name.
 */
bool reference_from(struct reference *reference, const char *name);

/*
 * Sets what the certificate must be for: any of the policy's names; else the host that the policy sends the
 * connection to; else all names that the program asked for. False if one of them is not a name; `count` is 0
 * if there are none.
 */
bool references_from(struct references *references, const struct settings *settings,
                     const struct text_list *asked);

#endif
