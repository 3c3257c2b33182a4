/*
 * The names that a certificate has to be for: what the program asked the resolver for, or what the policy
 * says (RFC 9525, 2: reference identities), brought into the form in which certificates hold them.
 */
#ifndef RETROTLS_RELAY_TLS_REFERENCE_H
#define RETROTLS_RELAY_TLS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/settings.h"

enum { REFERENCE_LIMIT = 256 }; /* bytes, with the NUL */

struct reference {
    bool is_address; /* compared with iPAddress names, not with dNSNames */
    char
        text[REFERENCE_LIMIT]; /* a host name of A-labels with no trailing dot; or what inet_ntop(3) writes */
};

struct references {
    uint32_t count;
    bool any; /* the certificate must be for one of them; else for each */
    struct reference item[SETTINGS_LIST_LIMIT];
};

/*
 * Brings `name` into form: a number in any notation that the resolver takes ("127.1", "fe80::1%eth0") becomes
 * an address, U-labels (UTF-8) become A-labels (RFC 5891), a trailing dot goes. False where it is no name.
 */
bool reference_from(struct reference *reference, const char *name);

/*
 * What the certificate must be for: the policy's names (any of them), else the host that the policy sends the
 * connection to, else each name that the program asked for. False where one of them is no name; `count` is 0
 * where there is none at all.
 */
bool references_from(struct references *references, const struct settings *settings,
                     const struct text_list *asked);

#endif
