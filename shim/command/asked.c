#include "command/asked.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/reach/target.h"
#include "command/usage.h"
#include "policy/services.h"
#include "policy/text.h"

bool asked_address(struct wire_address *address, const char *text)
{
    memset(address, 0, sizeof *address);
    address->family = AF_INET;
    if (inet_pton(AF_INET, text, address->bytes) == 1)
        return true;
    address->family = AF_INET6;
    return inet_pton(AF_INET6, text, address->bytes) == 1;
}

static bool read_port(struct asked *asked, const char *text)
{
    struct services services = {.text = NULL};
    uint32_t number;
    bool read;

    if (read_number(text, 65535, &number, NULL) && number > 0) {
        asked->ports[0] = (uint16_t)number;
        read = true;
    } else {
        read = service_port(&services, text, &asked->ports[0]);
        services_forget(&services);
    }
    asked->ports_count = 1;
    return read;
}

bool asked_place(struct asked *asked, const char *command, const char *text)
{
    const char *const first = strchr(text, ':'), *colon = strrchr(text, ':');
    const char *const start = *text == '[' ? text + 1 : text;
    struct wire_address address;
    size_t length;

    if (*text == '[') {
        colon = strchr(text, ']');
        length = colon ? (size_t)(colon - start) : 0;
        colon = colon && colon[1] == ':' ? colon + 1 : NULL;
    } else {
        if (first != colon) /* a bare IPv6 address */
            colon = NULL;
        length = colon ? (size_t)(colon - start) : strlen(start);
    }
    if (length == 0 || length >= sizeof asked->host) {
        usage_error("%s: '%s' is no HOST[:PORT]", command, text);
        return false;
    }
    memcpy(asked->host, start, length);
    asked->host[length] = '\0';
    asked->numeric = asked_address(&address, asked->host);
    if (strchr(asked->host, ':') && !asked->numeric) {
        usage_error("%s: '%s' is no address", command, asked->host);
        return false;
    }
    if (colon && !read_port(asked, colon + 1)) {
        usage_error("%s: '%s' is no port", command, colon + 1);
        return false;
    }
    for (const uint16_t *port = usual_ports; !colon && *port; port++)
        asked->ports[asked->ports_count++] = *port;
    return true;
}

static void add_address(struct asked *asked, const struct sockaddr *from)
{
    struct wire_address *const to = &asked->addresses[asked->addresses_count];

    if (asked->addresses_count == ASKED_ADDRESSES ||
        (from->sa_family != AF_INET && from->sa_family != AF_INET6))
        return;
    memset(to, 0, sizeof *to);
    to->family = from->sa_family;
    if (from->sa_family == AF_INET)
        memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    else
        memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    asked->addresses_count++;
}

int asked_resolve(struct asked *asked)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error;

    if (asked->numeric) {
        asked->addresses_count = 1;
        asked_address(&asked->addresses[0], asked->host);
        return 0;
    }
    error = getaddrinfo(asked->host, NULL, &hints, &found);
    if (error)
        return error;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        add_address(asked, a->ai_addr);
    freeaddrinfo(found);
    return asked->addresses_count > 0 ? 0 : EAI_NONAME;
}

void asked_program(struct asked *asked, const char *name)
{
    static struct target target;
    char path[PATH_MAX];

    snprintf(asked->program, sizeof asked->program, "%s", name);
    if (target_search(name, path) != 0)
        return;
    target_open(&target, path);
    if (!realpath(target_program(&target), asked->program))
        snprintf(asked->program, sizeof asked->program, "%s", path);
    target_close(&target);
}

bool asked_user(struct asked *asked, const char *command, const char *name)
{
    const struct passwd *user = name ? getpwnam(name) : getpwuid(geteuid());

    if (!user && name && read_number(name, UINT32_MAX - 1, &asked->uid, NULL))
        user = getpwuid((uid_t)asked->uid);
    else if (!user && name) {
        complain("%s: there is no user '%s' here", command, name);
        return false;
    } else if (!user)
        asked->uid = (uint32_t)geteuid();
    if (user) {
        asked->uid = (uint32_t)user->pw_uid;
        snprintf(asked->user, sizeof asked->user, "%s", user->pw_name);
        snprintf(asked->home, sizeof asked->home, "%s", user->pw_dir);
    }
    return true;
}
