/*
 * Whoever answers for an address chooses its name. If the program looks up that name, the certificate must
 * also be for the name by which the program came to the address. So getnameinfo(3), gethostbyaddr(3) and
 * gethostbyaddr_r(3) do what libc's do and remember the names as derived.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/address.h"
#include "preload/libc/next.h"
#include "preload/names/names.h"
#include "preload/sys/export.h"

static struct names_question begin(int family, const void *bytes, size_t length)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct wire_address address = {.family = AF_UNSPEC};

    if (bytes && family == AF_INET6 && length == 16 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        address.family = AF_INET;
        memcpy(address.bytes, (const uint8_t *)bytes + sizeof mapped, 4);
    } else if (bytes && ((family == AF_INET && length == 4) || (family == AF_INET6 && length == 16))) {
        address.family = (uint16_t)family;
        memcpy(address.bytes, bytes, length);
    }
    return names_begin_reverse(&address);
}

static struct names_question begin_at(const struct sockaddr *address, socklen_t length)
{
    if (address && address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in))
        return begin(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    if (address && address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
        return begin(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    return begin(AF_UNSPEC, NULL, 0);
}

static void derive_all(const struct names_question *question, const struct hostent *host)
{
    if (!host)
        return;
    names_derive(question, host->h_name, NAMES_ALIAS);
    for (char *const *alias = host->h_aliases; alias && *alias; alias++)
        names_derive(question, *alias, NAMES_ALIAS);
}

EXPORTED int getnameinfo(const struct sockaddr *restrict address, socklen_t length, char *restrict host,
                         socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
    int (*const call)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int) =
        next(NEXT_getnameinfo);
    const struct names_question question = begin_at(address, length);
    struct wire_address literal;
    int error;

    if (!call)
        return EAI_SYSTEM;
    error = call(address, length, host, host_size, service, service_size, flags);
    if (error == 0 && host && host_size > 0 && !address_of_literal(host, &literal))
        names_derive(&question, host, NAMES_ALIAS);
    return error;
}

EXPORTED struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
    struct hostent *(*const call)(const void *, socklen_t, int) = next(NEXT_gethostbyaddr);
    const struct names_question question = begin(family, address, length);
    struct hostent *const host = call ? call(address, length, family) : NULL;

    derive_all(&question, host);
    return host;
}

EXPORTED int gethostbyaddr_r(const void *restrict address, socklen_t length, int family,
                             struct hostent *restrict host, char *restrict buffer, size_t size,
                             struct hostent **restrict result, int *restrict why)
{
    int (*const call)(const void *, socklen_t, int, struct hostent *, char *, size_t, struct hostent **,
                      int *) = next(NEXT_gethostbyaddr_r);
    struct names_question question;
    int error;

    if (!call) {
        *result = NULL;
        return ENOSYS;
    }
    question = begin(family, address, length);
    error = call(address, length, family, host, buffer, size, result, why);
    if (error == 0)
        derive_all(&question, *result);
    return error;
}
