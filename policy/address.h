/*
 * Addresses and networks. An IPv4 address and the IPv6 address that it is mapped to (RFC 4291, 2.5.5.2) are
 * the same here: both are kept as 16 bytes.
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
    NETWORK_BAD_PREFIX, /* network->prefix: the largest one that could stand */
    NETWORK_SURPLUS,    /* bits beyond the prefix; they are cleared in `network` */
};

/* Reads ADDRESS or ADDRESS/PREFIX. `network` is unspecified with NETWORK_NO_ADDRESS. */
enum network_fault network_read(struct network *network, const char *text);

enum { NETWORK_TEXT = 52 };
/* Writes ADDRESS/PREFIX. */
void network_write(const struct network *network, char text[NETWORK_TEXT]);

/* The 16 bytes of an address; false where there is none. */
bool address_bytes(uint8_t bytes[16], const struct wire_address *address);
/* Whether the 16 bytes are an IPv4 address. */
bool address_is_v4(const uint8_t bytes[16]);
/* 127.0.0.0/8 and ::1; also 0.0.0.0 and ::, which connect() takes for them (Linux: ip(7), tcp_v6_connect()).
 */
bool address_is_loopback(const uint8_t bytes[16]);
/* A network of one version never has an address of the other: ::/0 is not every IPv4 address. */
bool network_has(const struct network *network, const uint8_t bytes[16]);

#endif
