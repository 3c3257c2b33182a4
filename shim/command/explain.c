/* retrotls explain: what the policy decides for a connection, and where each setting comes from. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/explanation.h"
#include "command/own_policy.h"
#include "command/target.h"
#include "command/usage.h"
#include "policy/services.h"
#include "policy/text.h"

enum { ADDRESSES = 16, PORTS = 8, HOST_LENGTH = 256, USER_LENGTH = 256, HEADING = 2048 };

/* What is asked for. */
struct asked {
    char host[HOST_LENGTH];
    bool numeric; /* `host` is an address: the program asks for no name */
    uint16_t ports[PORTS];
    size_t ports_count;
    struct wire_address addresses[ADDRESSES]; /* one without family: not known */
    size_t addresses_count;
    char program[PATH_MAX], user[USER_LENGTH];
    uint32_t uid;
    char home[PATH_MAX];
};

static void help(void)
{
    puts("Usage: retrotls explain [OPTION]... HOST[:PORT]\n"
         "Say which file, line and block of the policy decides about a connection to\n"
         "HOST, and where each setting in force was written. Without PORT: for the usual\n"
         "ports of mail. HOST is a name or an address; an IPv6 address with PORT stands\n"
         "in [ ].\n"
         "\n"
         "      --program=PROGRAM  the program that connects (default: none is known)\n"
         "      --user=USER        who runs it (default: you)\n"
         "      --address=ADDRESS  HOST's address (default: ask the resolver)\n"
         "      --help             show this and exit\n"
         "\n"
         "Exit status: 0 explained; 1 the policy is in error; 2 wrong usage.");
}

/* ---- what is asked for */

static bool read_address(struct wire_address *address, const char *text)
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

/* HOST, HOST:PORT, [IPV6-ADDRESS]:PORT, IPV6-ADDRESS. False where it is none of these; told. */
static bool read_place(struct asked *asked, const char *text)
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
        if (first != colon) /* an IPv6 address alone */
            colon = NULL;
        length = colon ? (size_t)(colon - start) : strlen(start);
    }
    if (length == 0 || length >= sizeof asked->host) {
        usage_error("explain: '%s' is no HOST[:PORT]", text);
        return false;
    }
    memcpy(asked->host, start, length);
    asked->host[length] = '\0';
    asked->numeric = read_address(&address, asked->host);
    if (strchr(asked->host, ':') && !asked->numeric) {
        usage_error("explain: '%s' is no address", asked->host);
        return false;
    }
    if (colon && !read_port(asked, colon + 1)) {
        usage_error("explain: '%s' is no port", colon + 1);
        return false;
    }
    for (const uint16_t *port = usual_ports; !colon && *port; port++)
        asked->ports[asked->ports_count++] = *port;
    return true;
}

static void add_address(struct asked *asked, const struct sockaddr *from)
{
    struct wire_address *const to = &asked->addresses[asked->addresses_count];

    if (asked->addresses_count == ADDRESSES || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
        return;
    memset(to, 0, sizeof *to);
    to->family = from->sa_family;
    if (from->sa_family == AF_INET)
        memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    else
        memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    asked->addresses_count++;
}

static void resolve(struct asked *asked)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error;

    if (asked->numeric) {
        asked->addresses_count = 1;
        read_address(&asked->addresses[0], asked->host);
        return;
    }
    error = getaddrinfo(asked->host, NULL, &hints, &found);
    if (error) {
        complain("%s: %s; blocks that name addresses are taken not to fit (--address gives one)", asked->host,
                 gai_strerror(error));
        asked->addresses_count = 1;
        return;
    }
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        add_address(asked, a->ai_addr);
    freeaddrinfo(found);
}

/* The executable: what runs in the end, where PROGRAM is found here; else the name as it stands. */
static void set_program(struct asked *asked, const char *name)
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

/* By name or number; a number may have no name here. False: told. */
static bool set_user(struct asked *asked, const char *name)
{
    const struct passwd *user = name ? getpwnam(name) : getpwuid(geteuid());

    if (!user && name && read_number(name, UINT32_MAX - 1, &asked->uid, NULL))
        user = getpwuid((uid_t)asked->uid);
    else if (!user && name) {
        complain("explain: there is no user '%s' here", name);
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

/* ---- the policy */

/* Another user's files are read as that user reads them, which only root can do. */
static const struct policy *policy_of(const struct asked *asked)
{
    const uid_t own = geteuid();
    const gid_t own_group = getegid();
    const struct passwd *user;
    const char *const named = getenv("RETROTLS_POLICY");
    struct policy_source sources[POLICY_SOURCES];
    const struct policy *policy;
    size_t count;

    if ((uid_t)asked->uid == own)
        return own_policy();
    user = getpwuid((uid_t)asked->uid);
    if (own != 0 || !user || setegid(user->pw_gid) != 0 || seteuid(user->pw_uid) != 0) {
        if (!named || !*named)
            complain("only root reads another user's policy: what follows is without it");
        count = sources_of(sources, NULL);
        policy = policy_load(sources, count);
    } else {
        count = sources_of(sources, asked->home);
        policy = policy_load(sources, count);
    }
    if (own == 0 && (seteuid(0) != 0 || setegid(own_group) != 0))
        complain("cannot go on as root: %s", strerror(errno));
    return policy;
}

/* ---- what it decides */

static struct policy_explanation outcomes[ADDRESSES][PORTS];

static void decide(const struct policy *policy, const struct asked *asked)
{
    struct policy_query query = {
        .program = *asked->program ? asked->program : NULL,
        .user = *asked->user ? asked->user : NULL,
        .uid = asked->uid,
    };

    if (!asked->numeric)
        query.hosts = (struct text_list){.count = 1, .item = {asked->host}};
    for (size_t a = 0; a < asked->addresses_count; a++)
        for (size_t p = 0; p < asked->ports_count; p++) {
            query.address = asked->addresses[a];
            query.address.port = asked->ports[p];
            policy_explain(policy, &query, &outcomes[a][p]);
        }
}

static bool same_for_all_ports(const struct asked *asked, size_t a, size_t b)
{
    for (size_t p = 0; p < asked->ports_count; p++)
        if (!explanation_same(&outcomes[a][p], &outcomes[b][p]))
            return false;
    return true;
}

/* "mail.example.org, ports 25, 587 (192.0.2.1, 2001:db8::1)" */
static void add_ports(struct text *text, const struct asked *asked, size_t a, size_t port, bool done[PORTS])
{
    bool several = false;

    for (size_t p = port + 1; p < asked->ports_count; p++)
        several = several || explanation_same(&outcomes[a][port], &outcomes[a][p]);
    text_add(text, several ? ", ports" : ", port");
    for (size_t p = port; p < asked->ports_count; p++) {
        if (!explanation_same(&outcomes[a][port], &outcomes[a][p]))
            continue;
        text_add(text, p == port ? " " : ", ");
        text_add_number(text, asked->ports[p]);
        done[p] = true;
    }
}

static void add_addresses(struct text *text, const struct asked *asked, size_t first)
{
    char address[INET6_ADDRSTRLEN];

    if (asked->numeric || asked->addresses[first].family == 0)
        return;
    for (size_t a = first; a < asked->addresses_count; a++) {
        if (!same_for_all_ports(asked, first, a))
            continue;
        text_add(text, a == first ? " (" : ", ");
        text_add(text,
                 inet_ntop(asked->addresses[a].family, asked->addresses[a].bytes, address, sizeof address));
    }
    text_add(text, ")");
}

/* Ports that one and the same block decides are shown as one, and so are addresses. */
static void show(const struct asked *asked)
{
    char heading[HEADING];
    bool begun = false;

    for (size_t a = 0; a < asked->addresses_count; a++) {
        bool done[PORTS] = {false}, seen = false;

        for (size_t b = 0; b < a; b++)
            seen = seen || same_for_all_ports(asked, b, a);
        for (size_t p = 0; !seen && p < asked->ports_count; p++) {
            struct text text = text_in(heading, sizeof heading);

            if (done[p])
                continue;
            text_add(&text, asked->host);
            add_ports(&text, asked, a, p, done);
            add_addresses(&text, asked, a);
            if (begun)
                putchar('\n');
            begun = true;
            explanation_show(heading, &outcomes[a][p]);
        }
    }
}

/* ---- the command line */

/* 0, or the exit status; told. EXIT_SUCCESS with *done: help was shown. */
static int read_options(struct asked *asked, int argc, char **argv, bool *done)
{
    enum { HELP = 256, PROGRAM, USER, ADDRESS };
    static const struct option options[] = {
        {"program", required_argument, NULL, PROGRAM},
        {"user", required_argument, NULL, USER},
        {"address", required_argument, NULL, ADDRESS},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    const char *user = NULL;
    int option;

    opterr = 0;
    optind = 0; /* getopt(3): begin anew; main()'s "+" was for its own options */
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case PROGRAM:
            set_program(asked, optarg);
            break;
        case USER:
            user = optarg;
            break;
        case ADDRESS:
            if (!read_address(&asked->addresses[0], optarg))
                return usage_error("explain: '%s' is no address", optarg);
            asked->addresses_count = 1;
            break;
        case HELP:
            help();
            *done = true;
            return EXIT_SUCCESS;
        case ':':
            return usage_error("explain: option '%s' needs an argument", argv[optind - 1]);
        default:
            return usage_error("explain: unknown option '%s'", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return usage_error(argc == optind ? "explain: which HOST?" : "explain: one HOST at a time");
    if (!read_place(asked, argv[optind]))
        return EXIT_USAGE;
    return set_user(asked, user) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_explain(int argc, char **argv)
{
    static struct asked asked;
    const struct policy *policy;
    bool done = false, good = true;
    int status;

    status = read_options(&asked, argc, argv, &done);
    if (status != EXIT_SUCCESS)
        return status;
    if (!done) {
        if (asked.addresses_count == 0)
            resolve(&asked);
        policy = policy_of(&asked);
        good = policy_errors(policy)[0] == '\0';
        fputs(policy_errors(policy), stderr);
        decide(policy, &asked);
        show(&asked);
        policy_free(policy);
    }
    if (fflush(stdout) != 0) {
        complain("standard output: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
