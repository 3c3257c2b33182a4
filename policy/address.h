/*
 * Addresses and networks. An IPv4 address and the IPv6 address that maps it (RFC 4291, 2.5.5.2) are the same
 * here: both are kept as 16 bytes.
 */
#ifndef RETROTLS_POLICY_ADDRESS_H
#define RETROTLS_POLICY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire.h"

struct network {
    uint8_t bytes[16];
    uint8_t prefix; /* bits of the 128 */
};

enum network_fault {
    NETWORK_GOOD,
    NETWORK_NO_ADDRESS,
    NETWORK_BAD_PREFIX, /* network->prefix is set to the largest valid one */
    NETWORK_SURPLUS,    /* there were bits beyond the prefix; `network` has them cleared */
};

/* Reads ADDRESS or ADDRESS/PREFIX. On NETWORK_NO_ADDRESS, `network` is unspecified. */
enum network_fault network_read(struct network *network, const char *text);

enum { NETWORK_TEXT = 52 };
/* Writes ADDRESS/PREFIX. */
void network_write(const struct network *network, char text[NETWORK_TEXT]);

/*
 * Whether libc takes `name` for an address without asking anybody: an IPv4 address in any form of
 * inet_aton(3) (0x7f.1), or an IPv6 address with or without a scope (fe80::1%eth0). `address` gets the family
 * and the bytes. An IPv4 address mapped into IPv6 becomes the IPv4 address.
 */
bool address_of_literal(const char *name, struct wire_address *address);

/* Writes the 16 bytes of an address; false if it has neither family. */
bool address_bytes(uint8_t bytes[16], const struct wire_address *address);
/* Whether the 16 bytes are an IPv4 address. */
bool address_is_v4(const uint8_t bytes[16]);
/* 127.0.0.0/8, ::1, and 0.0.0.0 and ::, which connect() treats alike (Linux: ip(7), tcp_v6_connect()). */
bool address_is_loopback(const uint8_t bytes[16]);
/* Whether the address is in the network. The versions never mix: ::/0 does not hold every IPv4 address. */
bool network_has(const struct network *network, const uint8_t bytes[16]);

#endif
