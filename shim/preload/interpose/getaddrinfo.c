/*
 * The resolver calls whose answers fill the memory of names: getaddrinfo() and the gethostbyname() family.
 * Each does what libc's does and then remembers which name gave which address. The name is always the one
 * that was asked for. A name that came back (ai_canonname, h_name, h_aliases) is only what the server says,
 * and is remembered as such.
 */
#include "preload/interpose/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/libc/next.h"
#include "preload/names/answers.h"
#include "preload/names/names.h"
#include "preload/sys/export.h"

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
            answer_address(question, AF_INET, &v4->sin_addr, service ? ntohs(v4->sin_port) : 0);
        else if (result->ai_family == AF_INET6)
            answer_address(question, AF_INET6, &v6->sin6_addr, service ? ntohs(v6->sin6_port) : 0);
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
            answer_address(question, host->h_addrtype, *address, 0);
    }
    errno = saved;
}

EXPORTED int getaddrinfo(const char *restrict node, const char *restrict service,
                         const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    int (*const call)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        next(NEXT_getaddrinfo);
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
    struct hostent *(*const call)(const char *) = next(NEXT_gethostbyname);
    struct names_question question = names_begin(name, false);
    struct hostent *const host = call ? call(name) : NULL;

    answer_host(&question, host);
    return host;
}

EXPORTED struct hostent *gethostbyname2(const char *name, int family)
{
    struct hostent *(*const call)(const char *, int) = next(NEXT_gethostbyname2);
    struct names_question question = names_begin(name, false);
    struct hostent *const host = call ? call(name, family) : NULL;

    answer_host(&question, host);
    return host;
}

EXPORTED int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buffer,
                             size_t size, struct hostent **restrict result, int *restrict why)
{
    int (*const call)(const char *, struct hostent *, char *, size_t, struct hostent **, int *) =
        next(NEXT_gethostbyname_r);
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
    int (*const call)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *) =
        next(NEXT_gethostbyname2_r);
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
