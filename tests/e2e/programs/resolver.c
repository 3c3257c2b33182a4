/*
 * A resolver that the test controls. Preloaded behind libretrotls.so, it answers getaddrinfo() and the
 * gethostbyname() family for the names in RETROTLS_TEST_HOSTS ("name=address,address;name=address"), and
 * leaves every other name to libc. RETROTLS_TEST_HOSTS_FILE names a file of the same form that is read again
 * at each lookup, for answers that change. A name without addresses does not exist.
 * If the program has a function resolving(), it is called first, in the thread that asks.
 *
 * A name's list may also have words that are not addresses: `>name` is its canonical name, `@name` its mail
 * exchanger, which res_query() returns. An entry "ptr:ADDRESS" has `>name`, the name of that address.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { TABLE_LIMIT = 8192 };

static void tell_program(void)
{
    void (*resolving)(void);
    *(void **)&resolving = dlsym(RTLD_DEFAULT, "resolving");
    if (resolving)
        resolving();
}

/* Copies the addresses of `name` ("1.2.3.4,::1") to `to`. False if the table does not have the name. */
static bool look_up(const char *name, char to[TABLE_LIMIT])
{
    static _Thread_local char table[TABLE_LIMIT];
    const char *from = getenv("RETROTLS_TEST_HOSTS");
    const char *file = getenv("RETROTLS_TEST_HOSTS_FILE");
    if (file) {
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, table, sizeof table - 1) : 0;
        if (fd >= 0)
            close(fd);
        table[n > 0 ? n : 0] = 0;
    } else {
        snprintf(table, sizeof table, "%s", from ? from : "");
    }
    char *rest = NULL;
    for (char *entry = name ? strtok_r(table, ";\n", &rest) : NULL; entry;
         entry = strtok_r(NULL, ";\n", &rest)) {
        char *addresses = strchr(entry, '=');
        if (!addresses)
            continue;
        *addresses++ = 0;
        if (!strcasecmp(entry, name)) {
            snprintf(to, TABLE_LIMIT, "%s", addresses);
            return true;
        }
    }
    return false;
}

/*
 * Finds the word of a name's list that starts with `sign`, and copies it without the sign; "" if there is
 * none.
 */
static void marked(const char *list, char sign, char to[256])
{
    *to = 0;
    while (*list) { /* makes no copy: microsocks has small stacks */
        const size_t length = strcspn(list, ",");
        if (*list == sign)
            snprintf(to, 256, "%.*s", (int)length - 1, list + 1);
        list += length + (list[length] == ',');
    }
}

EXPORT int getaddrinfo(const char *restrict name, const char *restrict service,
                       const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    tell_program();
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    char addresses[TABLE_LIMIT];
    char alias[256];
    if (!look_up(name, addresses))
        return real(name, service, hints, result);
    marked(addresses, '>', alias);
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    if (numeric.ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    bool canonical = numeric.ai_flags & AI_CANONNAME;
    numeric.ai_flags = (numeric.ai_flags & ~(AI_ADDRCONFIG | AI_CANONNAME)) | AI_NUMERICHOST;
    struct addrinfo *first = NULL, **end = &first; /* glibc frees a list node by node: lists can be joined */
    int error = EAI_NONAME;
    char *rest = NULL;
    for (char *a = strtok_r(addresses, ",", &rest); a; a = strtok_r(NULL, ",", &rest)) {
        struct addrinfo *some;
        if (*a == '>' || *a == '@')
            continue;
        int e = real(a, service, &numeric, &some);
        if (e) {
            error = e == EAI_ADDRFAMILY ? EAI_NONAME : e;
            continue;
        }
        *end = some;
        while (*end)
            end = &(*end)->ai_next;
    }
    if (!first)
        return error;
    if (canonical) {
        free(first->ai_canonname);
        first->ai_canonname = strdup(*alias ? alias : name);
    }
    *result = first;
    return 0;
}

/*
 * The table's first address of `family` for `name`, or `name` itself for libc to resolve if it is not there.
 */
static const char *numeric_for(const char *name, int family, char addresses[TABLE_LIMIT])
{
    if (!look_up(name, addresses))
        return name;
    char *rest = NULL;
    for (char *a = strtok_r(addresses, ",", &rest); a; a = strtok_r(NULL, ",", &rest))
        if (*a != '>' && *a != '@' && (strchr(a, ':') != NULL) == (family == AF_INET6))
            return a;
    return "";
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    tell_program();
    struct hostent *(*real)(const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyname");
    static char addresses[TABLE_LIMIT], alias[256];
    *alias = 0;
    struct hostent *host = real(numeric_for(name, AF_INET, addresses));
    if (host && look_up(name, addresses))
        marked(addresses, '>', alias);
    if (*alias)
        host->h_name = alias;
    return host;
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    struct hostent *(*real)(const char *, int);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyname2");
    char addresses[TABLE_LIMIT];
    return real(numeric_for(name, family, addresses), family);
}

EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict entry, char *restrict buffer,
                           size_t size, struct hostent **restrict result, int *restrict error)
{
    int (*real)(const char *, struct hostent *, char *, size_t, struct hostent **, int *);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyname_r");
    char addresses[TABLE_LIMIT];
    return real(numeric_for(name, AF_INET, addresses), entry, buffer, size, result, error);
}

EXPORT int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict entry,
                            char *restrict buffer, size_t size, struct hostent **restrict result,
                            int *restrict error)
{
    int (*real)(const char *, int, struct hostent *, char *, size_t, struct hostent **, int *);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyname2_r");
    char addresses[TABLE_LIMIT];
    return real(numeric_for(name, family, addresses), family, entry, buffer, size, result, error);
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static unsigned char *put_name(unsigned char *at, const char *name)
{
    while (*name) {
        size_t label = strcspn(name, ".");
        *at++ = (unsigned char)label;
        at = put(at, name, label);
        name += label + (name[label] == '.');
    }
    *at++ = 0;
    return at;
}

/* The table's name for the IPv4 address. False if there is none. */
static bool called(const void *address, char name[256])
{
    char key[4 + INET_ADDRSTRLEN] = "ptr:", list[TABLE_LIMIT];
    *name = 0;
    if (inet_ntop(AF_INET, address, key + 4, INET_ADDRSTRLEN) && look_up(key, list))
        marked(list, '>', name);
    return *name;
}

EXPORT int getnameinfo(const struct sockaddr *restrict address, socklen_t length, char *restrict host,
                       socklen_t size, char *restrict service, socklen_t service_size, int flags)
{
    tell_program();
    int (*real)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);
    *(void **)&real = dlsym(RTLD_NEXT, "getnameinfo");
    char name[256];
    if (address->sa_family != AF_INET || !host || flags & NI_NUMERICHOST ||
        !called(&((const struct sockaddr_in *)(const void *)address)->sin_addr, name))
        return real(address, length, host, size, service, service_size, flags);
    snprintf(host, size, "%s", name);
    return service ? real(address, length, NULL, 0, service, service_size, flags) : 0;
}

EXPORT struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
    tell_program();
    struct hostent *(*real)(const void *, socklen_t, int);
    *(void **)&real = dlsym(RTLD_NEXT, "gethostbyaddr");
    static char name[256], bytes[4], *none[] = {NULL}, *addresses[] = {bytes, NULL};
    static struct hostent host = {.h_name = name, .h_aliases = none, .h_addr_list = addresses};
    if (family != AF_INET || !called(address, name))
        return real(address, length, family);
    host.h_addrtype = AF_INET;
    host.h_length = 4;
    memcpy(bytes, address, 4);
    return &host;
}

/* Answers queries for MX records of the table's names, and for PTR records of its IPv4 addresses. */
EXPORT int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    tell_program();
    int (*real)(const char *, int, int, unsigned char *, int);
    *(void **)&real = dlsym(RTLD_NEXT, "res_query");
    char list[TABLE_LIMIT], exchanger[256] = "";
    unsigned part[4];
    if (type == ns_t_ptr && sscanf(name, "%u.%u.%u.%u", part, part + 1, part + 2, part + 3) == 4) {
        const unsigned char bytes[] = {(unsigned char)part[3], (unsigned char)part[2], (unsigned char)part[1],
                                       (unsigned char)part[0]};
        called(bytes, exchanger);
    } else if (type == ns_t_mx && look_up(name, list)) {
        marked(list, '@', exchanger);
    }
    if (!*exchanger)
        return real ? real(name, class, type, answer, size) : -1;
    unsigned char message[1024], *at = put(message, "\0\1\x81\x80\0\1\0\1\0\0\0\0", 12);
    const unsigned char kind[] = {0, (unsigned char)type, 0, 1};
    at = put(put_name(at, name), kind, 4);
    at = put(put(at, "\xc0\x0c", 2), kind, 4);
    at = put(at, "\0\0\0\x3c\0\0", 6);
    unsigned char *data = at;
    if (type == ns_t_mx)
        at = put(at, "\0\x0a", 2);
    at = put_name(at, exchanger);
    data[-1] = (unsigned char)(at - data);
    memcpy(answer, message, (size_t)(at - message) < (size_t)size ? (size_t)(at - message) : (size_t)size);
    return (int)(at - message);
}
