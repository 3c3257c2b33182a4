/*
 * The resolver calls whose answers fill the memory of names: getaddrinfo() and the gethostbyname() family.
 * Each does what libc's does and then remembers which name gave which address. The name is always the one
 * that was asked for. A name that came back (ai_canonname, h_name, h_aliases) is only the server's word, and
 * is remembered as that.
 */
#include "preload/interpose/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/interpose/export.h"
#include "preload/libc/next.h"
#include "preload/names/names.h"

void resolver_answer(struct names_question *question, int family, const void *bytes, uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct wire_address address = {.port = port}, literal;
    const char *const name = question->name;
    char text[INET6_ADDRSTRLEN];

    if (!name || (family != AF_INET && family != AF_INET6))
        return;
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        family = AF_INET; /* a literal must match the SAN of the IPv4 address */
        bytes = (const uint8_t *)bytes + 12;
    }
    address.family = (uint16_t)family;
    memcpy(address.bytes, bytes, family == AF_INET ? 4 : 16);
    /*
     * 0x7f.1 and fe80::1%eth0 must match IP SANs, so we remember them in plain form. If the DNS was asked for
     * such a name, the answer may be any address, and that address was not asked for.
     */
    if (name_literal(name, &literal) && literal.family == family &&
        memcmp(literal.bytes, address.bytes, sizeof address.bytes) == 0 &&
        inet_ntop(family, bytes, text, sizeof text))
        question->name = text;
    names_answer(question, &address);
    question->name = name;
}

/* getaddrinfo() returns an address once for each type of socket, in a row. */
static bool repeats(const struct addrinfo *result, const struct addrinfo *last)
{
    return last && result->ai_addrlen == last->ai_addrlen &&
           memcmp(result->ai_addr, last->ai_addr, result->ai_addrlen) == 0;
}

void resolver_answer_all(struct names_question *question, const char *service, const struct addrinfo *result)
{
    const int saved = errno;
    const struct addrinfo *last = NULL;

    for (; question->name && result; result = result->ai_next) {
        const struct sockaddr_in *const v4 = (const void *)result->ai_addr;
        const struct sockaddr_in6 *const v6 = (const void *)result->ai_addr;

        names_derive(question, result->ai_canonname, NAMES_ALIAS);
        if (!result->ai_addr || repeats(result, last))
            continue;
        last = result;
        if (result->ai_family == AF_INET)
            resolver_answer(question, AF_INET, &v4->sin_addr, service ? ntohs(v4->sin_port) : 0);
        else if (result->ai_family == AF_INET6)
            resolver_answer(question, AF_INET6, &v6->sin6_addr, service ? ntohs(v6->sin6_port) : 0);
    }
    errno = saved;
}

static void answer_host(struct names_question *question, const struct hostent *host)
{
    const int saved = errno;

    if (!host)
        return;
    names_derive(question, host->h_name, NAMES_ALIAS);
    for (char *const *alias = host->h_aliases; alias && *alias; alias++)
        names_derive(question, *alias, NAMES_ALIAS);
    for (char *const *address = host->h_addr_list; address && *address; address++) {
        if (host->h_length == (host->h_addrtype == AF_INET ? 4 : 16))
            resolver_answer(question, host->h_addrtype, *address, 0);
    }
    errno = saved;
}

EXPORTED int getaddrinfo(const char *restrict node, const char *restrict service,
                         const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    static struct next real = {.name = "getaddrinfo"};
    int (*const call)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = next(&real);
    struct names_question question;
    int error;

    if (!call)
        return EAI_SYSTEM;
    question = names_begin(node, false);
    error = call(node, service, hints, result);
    if (error == 0)
        resolver_answer_all(&question, service, *result);
    return error;
}

EXPORTED struct hostent *gethostbyname(const char *name)
{
    static struct next real = {.name = "gethostbyname"};
    struct hostent *(*const call)(const char *) = next(&real);
    struct names_question question = names_begin(name, false);
    struct hostent *const host = call ? call(name) : NULL;

    answer_host(&question, host);
    return host;
}

EXPORTED struct hostent *gethostbyname2(const char *name, int family)
{
    static struct next real = {.name = "gethostbyname2"};
    struct hostent *(*const call)(const char *, int) = next(&real);
    struct names_question question = names_begin(name, false);
    struct hostent *const host = call ? call(name, family) : NULL;

    answer_host(&question, host);
    return host;
}

EXPORTED int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buffer,
                             size_t size, struct hostent **restrict result, int *restrict why)
{
    static struct next real = {.name = "gethostbyname_r"};
    int (*const call)(const char *, struct hostent *, char *, size_t, struct hostent **, int *) = next(&real);
    struct names_question question;
    int error;

    if (!call) {
        *result = NULL;
        return ENOSYS;
    }
    question = names_begin(name, false);
    error = call(name, host, buffer, size, result, why);
    if (error == 0)
        answer_host(&question, *result);
    return error;
}

EXPORTED int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict host,
                              char *restrict buffer, size_t size, struct hostent **restrict result,
                              int *restrict why)
{
    static struct next real = {.name = "gethostbyname2_r"};
    int (*const call)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *) =
        next(&real);
    struct names_question question;
    int error;

    if (!call) {
        *result = NULL;
        return ENOSYS;
    }
    question = names_begin(name, false);
    error = call(name, family, host, buffer, size, result, why);
    if (error == 0)
        answer_host(&question, *result);
    return error;
}
