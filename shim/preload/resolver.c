/*
 * The resolver calls whose answers feed the memory of names: getaddrinfo() and the gethostbyname() family.
 * Each does what libc's does and then remembers which name gave which address. The name is always the one
 * asked for, never one that came back (ai_canonname, h_name, a CNAME's target): those are the server's words.
 * Reverse lookups are not watched, for the same reason.
 */
#include "preload/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/export.h"
#include "preload/names.h"
#include "preload/next.h"

enum { ADDRESSES_LIMIT = 256 }; /* of one lookup: no honest answer has as many, and the table is finite */

/* Whether `name` is an IPv4 address in any form that inet_aton(3) takes, or an IPv6 one. */
static bool is_numeric(const char *name)
{
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const size_t length = strcspn(name, "%"); /* fe80::1%eth0 */

    if (name[strspn(name, "0123456789abcdefABCDEFxX.")] == '\0' &&
        inet_aton(name, (struct in_addr *)&address) == 1)
        return true;
    if (length >= sizeof bare)
        return false;
    memcpy(bare, name, length);
    bare[length] = '\0';
    return inet_pton(AF_INET6, bare, &address) == 1;
}

static void remember(const char *name, int family, const void *bytes, uint16_t port,
                     struct resolver_count *count, bool apart)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct wire_address address = {.port = port};
    char text[INET6_ADDRSTRLEN];

    if (family != AF_INET && family != AF_INET6)
        return;
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        family = AF_INET; /* as a literal, it is to match the SAN of the IPv4 address */
        bytes = (const uint8_t *)bytes + 12;
    }
    if (count->addresses == ADDRESSES_LIMIT) {
        names_forget();
        return;
    }
    count->addresses++;
    address.family = (uint16_t)family;
    memcpy(address.bytes, bytes, family == AF_INET ? 4 : 16);
    /* 0x7f.1 and fe80::1%eth0 are to match IP SANs, so they are remembered in the plain form. */
    if (is_numeric(name) && inet_ntop(family, bytes, text, sizeof text))
        name = text;
    if (apart)
        names_remember_apart(name, &address);
    else
        names_remember(name, &address);
}

void resolver_remember(const char *name, int family, const void *bytes, uint16_t port,
                       struct resolver_count *count)
{
    remember(name, family, bytes, port, count, false);
}

/* One address comes once for each type of socket, in a row. */
static bool repeats(const struct addrinfo *result, const struct addrinfo *last)
{
    return last && result->ai_addrlen == last->ai_addrlen &&
           memcmp(result->ai_addr, last->ai_addr, result->ai_addrlen) == 0;
}

void resolver_remember_all(const char *node, const char *service, const struct addrinfo *result, bool apart)
{
    const int saved = errno;
    struct resolver_count count = {0};
    const struct addrinfo *last = NULL;

    for (; node && result; result = result->ai_next) {
        const struct sockaddr_in *const v4 = (const void *)result->ai_addr;
        const struct sockaddr_in6 *const v6 = (const void *)result->ai_addr;

        if (!result->ai_addr || repeats(result, last))
            continue;
        last = result;
        if (result->ai_family == AF_INET)
            remember(node, AF_INET, &v4->sin_addr, service ? ntohs(v4->sin_port) : 0, &count, apart);
        else if (result->ai_family == AF_INET6)
            remember(node, AF_INET6, &v6->sin6_addr, service ? ntohs(v6->sin6_port) : 0, &count, apart);
    }
    errno = saved;
}

static void remember_host(const char *name, const struct hostent *host)
{
    const int saved = errno;
    struct resolver_count count = {0};

    if (!host || host->h_length != (host->h_addrtype == AF_INET ? 4 : 16))
        return;
    for (char *const *address = host->h_addr_list; *address; address++)
        remember(name, host->h_addrtype, *address, 0, &count, false);
    errno = saved;
}

EXPORTED int getaddrinfo(const char *restrict node, const char *restrict service,
                         const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    static struct next real = {.name = "getaddrinfo"};
    int (*const call)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = next(&real);
    int error;

    if (!call)
        return EAI_SYSTEM;
    error = call(node, service, hints, result);
    if (error == 0)
        resolver_remember_all(node, service, *result, false);
    return error;
}

EXPORTED struct hostent *gethostbyname(const char *name)
{
    static struct next real = {.name = "gethostbyname"};
    struct hostent *(*const call)(const char *) = next(&real);
    struct hostent *const host = call ? call(name) : NULL;

    remember_host(name, host);
    return host;
}

EXPORTED struct hostent *gethostbyname2(const char *name, int family)
{
    static struct next real = {.name = "gethostbyname2"};
    struct hostent *(*const call)(const char *, int) = next(&real);
    struct hostent *const host = call ? call(name, family) : NULL;

    remember_host(name, host);
    return host;
}

EXPORTED int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buffer,
                             size_t size, struct hostent **restrict result, int *restrict why)
{
    static struct next real = {.name = "gethostbyname_r"};
    int (*const call)(const char *, struct hostent *, char *, size_t, struct hostent **, int *) = next(&real);
    int error;

    if (!call) {
        *result = NULL;
        return ENOSYS;
    }
    error = call(name, host, buffer, size, result, why);
    if (error == 0)
        remember_host(name, *result);
    return error;
}

EXPORTED int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict host,
                              char *restrict buffer, size_t size, struct hostent **restrict result,
                              int *restrict why)
{
    static struct next real = {.name = "gethostbyname2_r"};
    int (*const call)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *) =
        next(&real);
    int error;

    if (!call) {
        *result = NULL;
        return ENOSYS;
    }
    error = call(name, family, host, buffer, size, result, why);
    if (error == 0)
        remember_host(name, *result);
    return error;
}
