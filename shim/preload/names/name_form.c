#include "preload/names/name_form.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/address.h"
#include "policy/alabel.h"
#include "preload/names/records.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether `name`, in any case, is `end`, with or without a dot after it. */
static bool goes_on(const char *name, const char *end)
{
    while (*end && name_lower(*name) == *end)
        name++, end++;
    return !*end && (!*name || (name[0] == '.' && !name[1]));
}

bool name_reverse(const char *name, struct wire_address *address)
{
    unsigned parts[32];
    size_t count = 0;
    const char *at = name;

    *address = (struct wire_address){.family = AF_INET};
    while (count < 4 && is_digit(*at)) {
        unsigned number = 0;

        for (; is_digit(*at) && number < 256; at++)
            number = 10 * number + (unsigned)(*at - '0');
        if (number > 255 || *at++ != '.')
            break;
        parts[count++] = number;
    }
    if (count == 4 && goes_on(at, "in-addr.arpa")) {
        for (size_t i = 0; i < 4; i++)
            address->bytes[i] = (uint8_t)parts[3 - i];
        return true;
    }
    for (count = 0, at = name; count < 32; at += 2) {
        static const char digits[] = "0123456789abcdef";
        const char *const digit = *at ? strchr(digits, name_lower(*at)) : NULL;

        if (!digit || at[1] != '.')
            return false;
        parts[count++] = (unsigned)(digit - digits);
    }
    address->family = AF_INET6;
    for (size_t i = 0; i < 16; i++)
        address->bytes[i] = (uint8_t)(parts[31 - 2 * i] << 4 | parts[30 - 2 * i]);
    return goes_on(at, "ip6.arpa");
}

/*
 * Writes the name without its escapes. We drop every backslash, even an escaped one, so that a label has the
 * same bytes whether dn_expand() or the program's own code took it out of the message.
 */
static void unescape(char out[NAME_LIMIT], const char *name)
{
    size_t used = 0;

    for (size_t i = 0; name[i] && used < NAME_LIMIT - 1; i++) {
        if (name[i] != '\\') {
            out[used++] = name[i];
        } else if (is_digit(name[i + 1]) && is_digit(name[i + 2]) && is_digit(name[i + 3])) {
            out[used] = (char)((name[i + 1] - '0') * 100 + (name[i + 2] - '0') * 10 + (name[i + 3] - '0'));
            if (!out[used++]) /* the program's own code stops here too */
                return;
            i += 3;
        }
    }
    out[used] = '\0';
}

uint64_t name_hash(const char *name)
{
    char plain[NAME_LIMIT], normal[NAME_LIMIT], text[INET6_ADDRSTRLEN];
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    struct wire_address literal;
    size_t length;

    unescape(plain, name);
    name = plain;
    length = strlen(name);
    if (length > 1 && name[length - 1] == '.')
        plain[--length] = '\0';
    if (address_of_literal(name, &literal) && inet_ntop(literal.family, literal.bytes, text, sizeof text)) {
        name = text;
        length = strlen(text);
    } else if (alabel_from(normal, sizeof normal, name, length)) {
        name = normal;
        length = strlen(normal);
    }
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint64_t)(unsigned char)name_lower(name[i])) * 0x100000001b3;
    return hash | (uint64_t)1 << 63;
}
