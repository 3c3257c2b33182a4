#include "preload/guard/connect_to.h"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "preload/descriptor/identity.h"
#include "preload/sys/sys.h"

/* Calls libc's own getaddrinfo(): ours would remember the name as one that the program asked for. */
static int look_up(const char *host, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*getaddrinfo_)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *const symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&getaddrinfo_, &symbol, sizeof getaddrinfo_);
    return getaddrinfo_ ? getaddrinfo_(host, NULL, hints, found) : EAI_SYSTEM;
}

static uint16_t target_port(const struct settings *settings, uint16_t asked)
{
    const uint16_t implicit = settings->tls == TLS_IMPLICIT ? settings_implicit_port(settings, asked) : 0;

    if (settings->connect_port != 0)
        return (uint16_t)settings->connect_port;
    return implicit != 0 ? implicit : asked;
}

bool connect_to_changes(const struct settings *settings, uint16_t asked)
{
    return settings->connect_host || target_port(settings, asked) != asked;
}

bool connect_to_of(const struct settings *settings, int fd, const struct wire_address *asked,
                   struct wire_address *target)
{
    struct addrinfo hints = {.ai_family = asked->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool good = true;

    *target = *asked;
    if (settings->connect_host) {
        if (asked->family == AF_INET6 && sys_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0)
            hints.ai_flags = AI_V4MAPPED | AI_ALL;
        good = look_up(settings->connect_host, &hints, &found) == 0 && found &&
               address_read(target, found->ai_addr, found->ai_addrlen);
        if (found)
            freeaddrinfo(found);
    }
    target->port = target_port(settings, asked->port);
    return good;
}

struct wire_address connect_to_destination(const struct wire_address *asked)
{
    struct wire_address to = *asked;
    const struct wire_address plain = address_unmapped(asked);
    static const uint8_t any[16];

    if (memcmp(plain.bytes, any, sizeof any) != 0)
        return to;
    /* connect() takes "any" to mean this machine: net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c. */
    if (plain.family == AF_INET) {
        uint8_t *const v4 = to.bytes + (to.family == AF_INET6 ? 12 : 0);

        v4[0] = 127;
        v4[3] = 1;
    } else {
        to.bytes[15] = 1;
    }
    return to;
}
