#include "policy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/text.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_is_v4(const uint8_t bytes[16])
{
    return memcmp(bytes, mapped, sizeof mapped) == 0;
}

static bool is_v4(const struct network *network)
{
    return network->prefix >= 96 && address_is_v4(network->bytes);
}

/* Clears the bits beyond the prefix; true if any was set. */
static bool clear_surplus(struct network *network)
{
    bool surplus = false;

    for (unsigned i = 0; i < 16; i++) {
        const unsigned kept = network->prefix <= i * 8 ? 0 : network->prefix - i * 8;
        const uint8_t mask = (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);

        if ((network->bytes[i] & ~mask) != 0)
            surplus = true;
        network->bytes[i] &= mask;
    }
    return surplus;
}

enum network_fault network_read(struct network *network, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    const size_t length = slash ? (size_t)(slash - text) : strlen(text);
    uint32_t prefix;
    unsigned bits = 128;

    if (length >= sizeof address)
        return NETWORK_NO_ADDRESS;
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET, address, network->bytes + sizeof mapped) == 1) {
        memcpy(network->bytes, mapped, sizeof mapped);
        bits = 32;
    } else if (inet_pton(AF_INET6, address, network->bytes) != 1) {
        return NETWORK_NO_ADDRESS;
    }
    prefix = bits;
    if (slash && !read_number(slash + 1, bits, &prefix, NULL)) {
        network->prefix = (uint8_t)bits;
        return NETWORK_BAD_PREFIX;
    }
    network->prefix = (uint8_t)(prefix + 128 - bits);
    return clear_surplus(network) ? NETWORK_SURPLUS : NETWORK_GOOD;
}

void network_write(const struct network *network, char text[NETWORK_TEXT])
{
    const bool v4 = is_v4(network);
    struct text out;

    (void)inet_ntop(v4 ? AF_INET : AF_INET6, network->bytes + (v4 ? sizeof mapped : 0), text, NETWORK_TEXT);
    out = (struct text){.at = text, .size = NETWORK_TEXT, .length = strlen(text)};
    text_add(&out, "/");
    text_add_number(&out, network->prefix - (v4 ? 96U : 0U));
}

bool address_of_literal(const char *name, struct wire_address *address)
{
    char bare[INET6_ADDRSTRLEN];
    const size_t length = strcspn(name, "%");
    struct in6_addr six;
    struct in_addr four;

    *address = (struct wire_address){.family = AF_INET};
    if (name[strspn(name, "0123456789abcdefABCDEFxX.")] == '\0' && inet_aton(name, &four) == 1) {
        memcpy(address->bytes, &four, sizeof four);
        return true;
    }
    if (length >= sizeof bare)
        return false;
    memcpy(bare, name, length);
    bare[length] = '\0';
    if (inet_pton(AF_INET6, bare, &six) != 1)
        return false;
    if (memcmp(&six, mapped, sizeof mapped) == 0) {
        memcpy(address->bytes, six.s6_addr + sizeof mapped, 4);
    } else {
        address->family = AF_INET6;
        memcpy(address->bytes, &six, sizeof six);
    }
    return true;
}

bool address_bytes(uint8_t bytes[16], const struct wire_address *address)
{
    if (address->family == AF_INET6) {
        memcpy(bytes, address->bytes, 16);
        return true;
    }
    if (address->family == AF_INET) {
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + sizeof mapped, address->bytes, 4);
        return true;
    }
    return false;
}

bool address_is_loopback(const uint8_t bytes[16])
{
    static const uint8_t none[16], one[16] = {[15] = 1}, none_v4[4];

    if (address_is_v4(bytes))
        return bytes[12] == 127 || memcmp(bytes + 12, none_v4, sizeof none_v4) == 0;
    return memcmp(bytes, one, sizeof one) == 0 || memcmp(bytes, none, sizeof none) == 0;
}

bool network_has(const struct network *network, const uint8_t bytes[16])
{
    const unsigned whole = network->prefix / 8, rest = network->prefix % 8;

    if (is_v4(network) != address_is_v4(bytes))
        return false;
    if (memcmp(network->bytes, bytes, whole) != 0)
        return false;
    return rest == 0 || ((network->bytes[whole] ^ bytes[whole]) & (0xff00 >> rest) & 0xff) == 0;
}
