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
#include "policy/machine.h"
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

/* ---- HOST and PORT */

/* True if `name` is one of the mail services that we know ourselves; /etc/services cannot change these. */
static bool mail_service_port(const char *name, uint16_t *port)
{
    struct services without_file = {.asked = true};

    return service_port(&without_file, name, port);
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
    asked->port_given = true;
    return read;
}

static void set_ports(struct asked *asked, const uint16_t *ports, size_t limit)
{
    asked->ports_count = 0;
    for (size_t i = 0; i < limit && ports[i] != 0; i++)
        asked->ports[asked->ports_count++] = ports[i];
}

/*
 * Reads the scheme of a URL. Its port is the default: "smtp" stands for all ports of the protocol, "imaps"
 * and "submission" for one.
 */
static bool read_scheme(struct asked *asked, const char *scheme)
{
    uint16_t port;

    if (!mail_service_port(scheme, &port))
        return false;
    asked->protocol = implicit_port_protocol(port);
    asked->implicit = asked->protocol != PROTOCOL_AUTO;
    if (!asked->implicit)
        asked->protocol = port_protocol(port);
    if (!asked->implicit && port == protocol_ports(asked->protocol)[0])
        set_ports(asked, protocol_ports(asked->protocol), PROTOCOL_PORTS);
    else
        set_ports(asked, &port, 1);
    return true;
}

/* HOST[:PORT], without a scheme. */
static bool read_authority(struct asked *asked, const char *command, const char *text)
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
        usage_error("%s: '%s' is not HOST[:PORT]", command, text);
        return false;
    }
    memcpy(asked->host, start, length);
    asked->host[length] = '\0';
    asked->numeric = asked_address(&address, asked->host);
    if (strchr(asked->host, ':') && !asked->numeric) {
        usage_error("%s: '%s' is not an address", command, asked->host);
        return false;
    }
    if (colon && !read_port(asked, colon + 1)) {
        usage_error("%s: '%s' is not a port", command, colon + 1);
        return false;
    }
    return true;
}

/*
 * SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/...] (RFC 3986, 3). No part of it but HOST and PORT is shown or
 * kept.
 */
static bool read_url(struct asked *asked, const char *command, const char *text)
{
    const char *const scheme_end = strstr(text, "://"), *const after = scheme_end + 3;
    char copy[2 * ASKED_HOST_LENGTH];
    char *user_end;

    if ((size_t)snprintf(copy, sizeof copy, "%.*s", (int)(scheme_end - text), text) >= sizeof copy ||
        !read_scheme(asked, copy)) {
        usage_error("%s: '%s' is not a mail service, such as imap, pop3s or submission", command, copy);
        return false;
    }
    if ((size_t)snprintf(copy, sizeof copy, "%.*s", (int)strcspn(after, "/?#"), after) >= sizeof copy) {
        usage_error("%s: the URL is too long", command);
        return false;
    }
    user_end = strrchr(copy, '@');
    return read_authority(asked, command, user_end ? user_end + 1 : copy);
}

/* True if a word after HOST is its PORT, and not another host. */
static bool is_port_word(const char *word)
{
    uint16_t port;

    return word && *word && (strspn(word, "0123456789") == strlen(word) || mail_service_port(word, &port));
}

int asked_place(struct asked *asked, const char *command, char *const words[])
{
    set_ports(asked, asked->protocol == PROTOCOL_AUTO ? usual_ports : protocol_ports(asked->protocol),
              asked->protocol == PROTOCOL_AUTO ? ASKED_PORTS : PROTOCOL_PORTS);
    if (!(strstr(words[0], "://") ? read_url : read_authority)(asked, command, words[0]))
        return 0;
    if (asked->port_given || !is_port_word(words[1]))
        return 1;
    if (read_port(asked, words[1]))
        return 2;
    usage_error("%s: '%s' is not a port", command, words[1]);
    return 0;
}

/* ---- addresses */

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

struct policy_query asked_query(const struct asked *asked, const struct wire_address *address)
{
    struct policy_query query = {
        .address = *address,
        .program = *asked->program ? asked->program : NULL,
        .user = *asked->user ? asked->user : NULL,
        .uid = asked->uid,
        .protocol = asked->implicit ? PROTOCOL_AUTO : asked->protocol,
    };

    if (!asked->numeric) {
        query.hosts = (struct text_list){.count = 1, .item = {asked->host}};
        query.hosts_here = machine_has_name(asked->host);
    }
    return query;
}

/* ---- the program and its user */

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
