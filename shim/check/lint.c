/*
 * retrotls lint: shows all errors of a policy, including those that only OpenSSL finds, and warns of odd
 * blocks.
 */
#include "check/lint.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/shadow.h"
#include "command/command.h"
#include "command/common_options.h"
#include "command/look_apart.h"
#include "command/own_policy.h"
#include "command/usage.h"
#include "relay/protocol/protocol.h"
#include "relay/tls/tls_settings.h"

static void help(void)
{
    puts("Usage: retrotls lint [FILE]\n"
         "Show every error of the policy FILE and of the files that it includes; without\n"
         "FILE, of the policy in force here (-p, RETROTLS_POLICY, or\n"
         "~/.config/retrotls/policy and /etc/retrotls/policy). Key pairs, ciphers and the\n"
         "like are tried with OpenSSL. It also warns of blocks that cannot do what they\n"
         "seem to.\n"
         "\n"
         "  -p, --policy=FILE  the same as FILE\n"
         "  -h, --help         show this and exit\n"
         "\n"
         "Exit status: 0 no error; 1 errors; 2 wrong usage.");
}

static void show_good(const struct policy_source *sources, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (access(sources[i].path, F_OK) != 0)
            continue;
        say(stdout, 4, "%s: no errors", sources[i].path);
        any = true;
    }
    if (!any)
        puts("There is no policy file: the built-in defaults are in force.");
}

static const char *try_settings(const struct settings *settings, enum policy_setting *blamed)
{
    struct tls_fault fault;

    if (tls_try_settings(settings, &fault))
        return NULL;
    for (*blamed = 0; *blamed < POLICY_SETTINGS; (*blamed)++)
        if (strcmp(policy_setting_name(*blamed), fault.setting) == 0)
            break;
    return fault.says;
}

static void warn_of_shadow(const struct block *block, const struct block *earlier)
{
    say(stdout, 4,
        "%s: warning: this block never decides: the one at %s comes first, and fits everything that it fits",
        block->rule, earlier->rule);
}

/* The plaintext port of the protocol that uses `port` for TLS from the first byte; 0 if there is none. */
static unsigned plaintext_port(unsigned port)
{
    const enum protocol_kind protocol = implicit_port_protocol((uint16_t)port);

    return protocol_ports(protocol)[0];
}

/* Warns of STARTTLS with a server that expects TLS: client and server would wait for each other. */
static void warn_of_port(const struct policy *policy, const struct block *block)
{
    const struct setting *found[POLICY_SETTINGS];
    struct settings settings;

    policy_resolve(policy, block, found);
    policy_settle(found, &settings);
    if (settings.level == LEVEL_NONE || settings.tls == TLS_IMPLICIT)
        return;
    for (const struct value *v = block->values[CRITERION_PORT]; v; v = v->next) {
        const unsigned plaintext = v->low == v->high && !v->negated ? plaintext_port(v->low) : 0;

        if (plaintext != 0)
            say(stdout, 4,
                "%s: warning: servers at port %u speak TLS from the first byte, not STARTTLS: name the port "
                "that the program connects to, such as %u, and add 'tls implicit'; or leave this port out "
                "if the program does TLS itself",
                block->rule, v->low, plaintext);
    }
}

static bool port_names_protocol(uint32_t port)
{
    return port_protocol((uint16_t)port) != PROTOCOL_AUTO ||
           implicit_port_protocol((uint16_t)port) != PROTOCOL_AUTO;
}

/*
 * Warns of TLS from the first byte with an unknown protocol. Only if the relay knows the protocol can it ask
 * the server a question before the server gets the password (relay/protocol/proof.h).
 */
static void warn_of_unknown_protocol(const struct policy *policy, const struct block *block)
{
    const struct setting *found[POLICY_SETTINGS];
    struct settings settings;

    policy_resolve(policy, block, found);
    policy_settle(found, &settings);
    if (settings.level == LEVEL_NONE || settings.tls != TLS_IMPLICIT || settings.protocol != PROTOCOL_AUTO ||
        port_names_protocol(settings.connect_port))
        return;
    for (const struct value *v = block->values[CRITERION_PORT]; v; v = v->next)
        if (v->low == v->high && !v->negated && !port_names_protocol(v->low)) {
            say(stdout, 4,
                "%s: warning: retrotls cannot know which protocol the server at port %u speaks, and so "
                "cannot check that a mail server answers inside TLS: add 'protocol NAME'",
                block->rule, v->low);
            return;
        }
}

static void show_warnings(const struct policy *policy)
{
    shadow_each(policy, warn_of_shadow);
    for (const struct block *block = policy->blocks; block; block = block->next) {
        warn_of_port(policy, block);
        warn_of_unknown_protocol(policy, block);
    }
}

int lint(int argc, char **argv)
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct policy_source sources[POLICY_SOURCES];
    const struct policy *policy;
    size_t count = 1;
    bool good;
    int option, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        status = common_option("lint", option, argv, help);
        if (status >= 0)
            return status;
    }
    if (argc - optind > 1)
        return usage_error("lint: one file at a time");
    if (optind < argc)
        sources[0] = (struct policy_source){.path = argv[optind], .must_exist = true};
    else
        count = own_sources(sources);
    policy =
        policy_load_by(sources, count, &(struct policy_way){.apart = look_apart, .attempt = try_settings});
    good = policy_errors(policy)[0] == '\0';
    if (good) {
        show_good(sources, count);
        show_warnings(policy);
    } else {
        fputs(policy_errors(policy), stdout);
    }
    policy_free(policy);
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
