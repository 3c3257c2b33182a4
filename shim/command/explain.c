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
#include "command/common_options.h"
#include "command/explanation.h"
#include "command/look_apart.h"
#include "command/own_policy.h"
#include "command/usage.h"
#include "policy/text.h"

enum { HEADING = 2048 };

static void help(void)
{
    puts("Usage: retrotls explain [OPTION]... HOST[:PORT]\n"
         "Say which file, line and block of the policy decides about a connection to\n"
         "HOST, and where each setting in force was written. Without PORT: for the usual\n"
         "ports of mail. HOST is a name or an address; an IPv6 address with PORT stands\n"
         "in [ ]. 'HOST PORT' and URLs such as imap://HOST are the same.\n"
         "\n"
         "      --program=PROGRAM  the program that connects (default: none is known)\n"
         "      --user=USER        who runs it (default: you)\n"
         "      --address=ADDRESS  HOST's address (default: ask the resolver)\n"
         "  -p, --policy=FILE      take the policy from FILE\n"
         "  -h, --help             show this and exit\n"
         "\n"
         "Exit status: 0 explained; 1 the policy has errors; 2 wrong usage.");
}

/* If the lookup fails, we ask the policy about a connection with an unknown address. */
static void resolve(struct asked *asked)
{
    const int error = asked_resolve(asked);

    if (!error)
        return;
    complain("%s: %s; blocks that name addresses are taken not to fit (use --address to give one)",
             asked->host, gai_strerror(error));
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
        return own_policy(false);
    user = getpwuid((uid_t)asked->uid);
    if (own != 0 || !user || setegid(user->pw_gid) != 0 || seteuid(user->pw_uid) != 0) {
        if (!named || !*named)
            complain("only root can read another user's policy: what follows leaves it out");
        count = sources_of(sources, NULL);
        policy = policy_load_by(sources, count, &(struct policy_way){.apart = look_apart});
    } else {
        count = sources_of(sources, asked->home);
        policy = policy_load_by(sources, count, &(struct policy_way){.apart = look_apart});
    }
    if (own == 0 && (seteuid(0) != 0 || setegid(own_group) != 0))
        complain("cannot go on as root: %s", strerror(errno));
    return policy;
}

/* ---- what it decides */

static struct policy_explanation outcomes[ASKED_ADDRESSES][ASKED_PORTS];

static void decide(const struct policy *policy, const struct asked *asked)
{
    for (size_t a = 0; a < asked->addresses_count; a++)
        for (size_t p = 0; p < asked->ports_count; p++) {
            struct wire_address address = asked->addresses[a];
            struct policy_query query;

            address.port = asked->ports[p];
            query = asked_query(asked, &address);
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

/* Returns -1 to go on, or the exit status. */
static int read_options(struct asked *asked, int argc, char **argv)
{
    enum { PROGRAM = 256, USER, ADDRESS };
    static const struct option options[] = {
        {"program", required_argument, NULL, PROGRAM},
        {"user", required_argument, NULL, USER},
        {"address", required_argument, NULL, ADDRESS},
        {"policy", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *user = NULL;
    int option, status, words;

    opterr = 0;
    optind = 0; /* restart getopt(3); main()'s "+" was for its own options */
    while ((option = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        switch (option) {
        case PROGRAM:
            asked_program(asked, optarg);
            break;
        case USER:
            user = optarg;
            break;
        case ADDRESS:
            if (!asked_address(&asked->addresses[0], optarg))
                return usage_error("explain: '%s' is not an address", optarg);
            asked->addresses_count = 1;
            break;
        default:
            status = common_option("explain", option, argv, help);
            if (status >= 0)
                return status;
        }
    }
    if (argc == optind)
        return usage_error("explain: which HOST?");
    words = asked_place(asked, "explain", argv + optind);
    if (words == 0)
        return EXIT_USAGE;
    if (argc - optind > words)
        return usage_error("explain: one HOST at a time");
    return asked_user(asked, "explain", user) ? -1 : EXIT_FAILURE;
}

int command_explain(int argc, char **argv)
{
    static struct asked asked;
    const struct policy *policy;
    bool good;
    const int status = read_options(&asked, argc, argv);

    if (status >= 0)
        return status;
    if (asked.addresses_count == 0)
        resolve(&asked);
    policy = policy_of(&asked);
    good = policy_errors(policy)[0] == '\0';
    fputs(policy_errors(policy), stderr);
    decide(policy, &asked);
    show(&asked);
    policy_free(policy);
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
