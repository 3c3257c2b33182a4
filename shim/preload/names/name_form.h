/*
 * The forms that one name may have. A name that came out of an answer is looked up in the form that the
 * program's code for DNS messages gives it, which may be another than the one it was remembered in.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_FORM_H
#define RETROTLS_PRELOAD_NAMES_NAME_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

enum { NAME_LIMIT = 256 /* bytes, with the NUL: RFC 1035, 2.3.4 */ };

/*
 * Whether `name` is what libc takes for an address without asking anybody: an IPv4 address in any form of
 * inet_aton(3) (0x7f.1), or an IPv6 one, with a scope or without (fe80::1%eth0). `address` gets family and
 * bytes; an IPv4 address mapped into IPv6 is the IPv4 address.
 */
bool name_literal(const char *name, struct wire_address *address);

/*
 * Whether `name` is what DNS is asked for the name of an address (RFC 1035, 3.5; RFC 3596, 2.5):
 * 1.2.0.192.in-addr.arpa. `address` gets family and bytes.
 */
bool name_reverse(const char *name, struct wire_address *address);

/*
 * Equal for names that lead to the same: whatever the case, with a dot at the end or without, as A-labels or
 * in UTF-8, with the escapes of DNS master files that dn_expand(3) writes and getaddrinfo(3) reads (RFC 1035,
 * 5.1) or without, and for all forms of one address literal. Never 0.
 */
uint64_t name_hash(const char *name);

#endif
