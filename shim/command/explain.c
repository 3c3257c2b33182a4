/* retrotls explain: what the policy decides for a connection, and where each setting comes from. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/asked.h"
#include "command/command.h"
#include "command/explanation.h"
#include "command/own_policy.h"
#include "command/usage.h"
#include "policy/machine.h"
#include "policy/text.h"

enum { HEADING = 2048 };

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

/* If the lookup fails, we ask the policy about a connection with an unknown address. */
static void resolve(struct asked *asked)
{
    const int error = asked_resolve(asked);

    if (!error)
        return;
    complain("%s: %s; blocks that name addresses are taken not to fit (--address gives one)", asked->host,
             gai_strerror(error));
    asked->addresses_count = 1;
}

/* ---- the policy */

/* We read another user's files with that user's rights, which only root can do. */
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

static struct policy_explanation outcomes[ASKED_ADDRESSES][ASKED_PORTS];

static void decide(const struct policy *policy, const struct asked *asked)
{
    struct policy_query query = {
        .program = *asked->program ? asked->program : NULL,
        .user = *asked->user ? asked->user : NULL,
        .uid = asked->uid,
    };

    if (!asked->numeric) {
        query.hosts = (struct text_list){.count = 1, .item = {asked->host}};
        query.hosts_here = machine_has_name(asked->host);
    }
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
static void add_ports(struct text *text, const struct asked *asked, size_t a, size_t port,
                      bool done[ASKED_PORTS])
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

/* Shows ports with the same decision together, and addresses too. */
static void show(const struct asked *asked)
{
    char heading[HEADING];
    bool begun = false;

    for (size_t a = 0; a < asked->addresses_count; a++) {
        bool done[ASKED_PORTS] = {false}, seen = false;

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

/* Returns 0, or the exit status after reporting the error. EXIT_SUCCESS with *done: it showed the help. */
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
    optind = 0; /* restart getopt(3); main()'s "+" was for its own options */
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case PROGRAM:
            asked_program(asked, optarg);
            break;
        case USER:
            user = optarg;
            break;
        case ADDRESS:
            if (!asked_address(&asked->addresses[0], optarg))
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
    if (!asked_place(asked, "explain", argv[optind]))
        return EXIT_USAGE;
    return asked_user(asked, "explain", user) ? EXIT_SUCCESS : EXIT_FAILURE;
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
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
