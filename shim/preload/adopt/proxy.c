#include "preload/adopt/proxy.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

enum { SOCKS4 = 4, SOCKS5 = 5, PASSWORD = 1, ADDRESS_V4 = 1, ADDRESS_NAME = 3, ADDRESS_V6 = 4 };

static uint16_t port_at(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* False if it is empty, too long for a name, or holds a byte that no name has. */
static bool copy_host(struct proxy_target *target, const uint8_t *from, size_t length)
{
    if (length == 0 || length >= sizeof target->host)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (from[i] <= ' ' || from[i] > '~')
            return false;
    }
    memcpy(target->host, from, length);
    target->host[length] = '\0';
    if (inet_pton(AF_INET, target->host, target->address.bytes) == 1)
        target->address.family = AF_INET;
    else if (inet_pton(AF_INET6, target->host, target->address.bytes) == 1)
        target->address.family = AF_INET6;
    return true;
}

static void set_address(struct proxy_target *target, sa_family_t family, const uint8_t *bytes)
{
    target->address.family = family;
    memcpy(target->address.bytes, bytes, family == AF_INET ? 4 : 16);
}

/* VERSION COMMAND 0 TYPE ADDRESS PORT; the commands are CONNECT, BIND, ASSOCIATE, and two of Tor's. */
static enum proxy_words socks5_request(const uint8_t *b, size_t length, struct proxy_target *target)
{
    const size_t name = length > 4 ? b[4] : 0;
    size_t end;

    if (length < 7 || b[2] != 0)
        return PROXY_OTHER;
    switch (b[3]) {
    case ADDRESS_V4:
        end = 8;
        break;
    case ADDRESS_V6:
        end = 20;
        break;
    case ADDRESS_NAME:
        end = 5 + name;
        break;
    default:
        return PROXY_OTHER;
    }
    if (length != end + 2)
        return PROXY_OTHER;
    if (b[3] == ADDRESS_NAME && !copy_host(target, b + 5, name))
        return PROXY_OTHER;
    if (b[3] != ADDRESS_NAME)
        set_address(target, b[3] == ADDRESS_V4 ? AF_INET : AF_INET6, b + 4);
    target->address.port = port_at(b + end);
    return PROXY_REQUEST;
}

/* VERSION COMMAND PORT ADDRESS USER 0, and with the address 0.0.0.x NAME 0 (SOCKS 4a). */
static enum proxy_words socks4_request(const uint8_t *b, size_t length, struct proxy_target *target)
{
    static const uint8_t nowhere[3];
    const uint8_t *const user = b + 8;
    const uint8_t *const user_end = length > 8 ? memchr(user, 0, length - 8) : NULL;

    if (!user_end || b[1] != 1)
        return PROXY_OTHER;
    target->address.port = port_at(b + 2);
    if (memcmp(b + 4, nowhere, sizeof nowhere) != 0 || b[7] == 0) {
        set_address(target, AF_INET, b + 4);
        return user_end + 1 == b + length ? PROXY_REQUEST : PROXY_OTHER;
    }
    return b[length - 1] == 0 && copy_host(target, user_end + 1, (size_t)(b + length - user_end) - 2)
               ? PROXY_REQUEST
               : PROXY_OTHER;
}

/* "CONNECT HOST:PORT HTTP/1.1" (RFC 9110, 9.3.6), an IPv6 address in brackets. */
static enum proxy_words http_request(const uint8_t *b, size_t length, struct proxy_target *target)
{
    static const char method[] = "CONNECT ";
    const uint8_t *host = b + sizeof method - 1;
    const uint8_t *end, *colon = NULL;
    unsigned port = 0;

    if (length <= sizeof method || memcmp(b, method, sizeof method - 1) != 0)
        return PROXY_OTHER;
    end = memchr(host, ' ', (size_t)(b + length - host));
    if (!end)
        return PROXY_OTHER;
    for (const uint8_t *at = host; at < end; at++)
        colon = *at == ':' ? at : colon;
    for (const uint8_t *at = colon ? colon + 1 : end; at < end; at++) {
        if (*at < '0' || *at > '9' || port > UINT16_MAX)
            return PROXY_OTHER;
        port = port * 10 + (unsigned)(*at - '0');
    }
    if (!colon || port > UINT16_MAX)
        return PROXY_OTHER;
    if (colon - host > 2 && *host == '[' && colon[-1] == ']') {
        host++;
        colon--;
    }
    if (!copy_host(target, host, (size_t)(colon - host)))
        return PROXY_OTHER;
    target->address.port = (uint16_t)port;
    return PROXY_REQUEST;
}

enum proxy_words proxy_read(const uint8_t *b, size_t length, struct proxy_target *target)
{
    memset(target, 0, sizeof *target);
    if (length < 3)
        return PROXY_OTHER;
    switch (b[0]) {
    case SOCKS5:
        return length == 2U + b[1] ? PROXY_GREETING : socks5_request(b, length, target);
    case SOCKS4:
        return socks4_request(b, length, target);
    case PASSWORD:
        return length > 2U + b[1] && length == 3U + b[1] + b[2 + b[1]] ? PROXY_GREETING : PROXY_OTHER;
    default:
        return http_request(b, length, target);
    }
}
