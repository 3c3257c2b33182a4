#include "preload/name_form.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/alabel.h"
#include "preload/records.h"

bool name_literal(const char *name, struct wire_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Writes the name without its escapes. All backslashes go, also one that is itself escaped: so the bytes of a
 * label are the same whether dn_expand() or a program's own code took them out of the message.
 */
static void unescape(char out[NAME_LIMIT], const char *name)
{
    size_t used = 0;

    for (size_t i = 0; name[i] && used < NAME_LIMIT - 1; i++) {
        if (name[i] != '\\') {
            out[used++] = name[i];
        } else if (is_digit(name[i + 1]) && is_digit(name[i + 2]) && is_digit(name[i + 3])) {
            out[used] = (char)((name[i + 1] - '0') * 100 + (name[i + 2] - '0') * 10 + (name[i + 3] - '0'));
            if (!out[used++]) /* whose own code stops here, too */
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
    if (name_literal(name, &literal) && inet_ntop(literal.family, literal.bytes, text, sizeof text)) {
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
