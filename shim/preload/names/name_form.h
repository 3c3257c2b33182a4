/*
 * The forms that one name may have. A name from an answer may be looked up in another form than we remembered
 * it in, because the program's code for DNS messages spells it in its own way.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_FORM_H
#define RETROTLS_PRELOAD_NAMES_NAME_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

enum { NAME_LIMIT = 256 /* bytes, with the NUL: RFC 1035, 2.3.4 */ };

/*
 * Whether `name` is one that asks DNS for the name of an address (RFC 1035, 3.5; RFC 3596, 2.5):
 * 1.2.0.192.in-addr.arpa. `address` gets the family and the bytes.
 */
bool name_reverse(const char *name, struct wire_address *address);

/*
 * Equal for all forms of one name: in any case, with or without a dot at the end, as A-labels or in UTF-8,
 * with or without the escapes of DNS master files that dn_expand(3) writes and getaddrinfo(3) reads (RFC
 * 1035, 5.1). Also equal for all forms of one address literal. Never 0.
 */
uint64_t name_hash(const char *name);

#endif
