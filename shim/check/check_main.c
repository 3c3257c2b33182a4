/*
 * retrotls-check: runs `retrotls check` and `retrotls lint`. It is a separate program so that the command
 * needs no OpenSSL. It negotiates with a server using the relay's own code, and shows the result.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/lint.h"
#include "command/command.h"
#include "command/own_policy.h"
#include "command/usage.h"

/* For the library, if it is loaded into every program: see shim/preload/exempt.h. */
extern const char retrotls_speaks_itself;
const char retrotls_speaks_itself __attribute__((visibility("default"))) = 1;

static struct asked asked;
static struct check_question question = {.asked = &asked, .lookup = -1};
static bool as_json, port_given, one_shown;

static void help(void)
{
    printf("Usage: retrotls check [OPTION]... HOST[:PORT]\n"
           "Connect to HOST as a guarded program would, negotiate TLS, and show whether the\n"
           "policy is met, the certificates, and lines for a policy. Without PORT: the usual\n"
           "ports of mail, or of PROTOCOL; those that refuse connections do not count then.\n"
           "\n"
           "  -P, --protocol=PROTOCOL  one of %s\n"
           "      --program=PROGRAM    the program that would connect\n"
           "      --json               for scripts: a list with an object for each port\n"
           "      --help               show this and exit\n"
           "\n"
           "A connection that the policy leaves alone is tried at level secure, and counts\n"
           "as met only on a port for TLS from the start, such as 993.\n"
           "\n"
           "Exit status: 0 the policy is met; 1 it is not; 2 wrong usage.\n",
           protocol_names_listed);
}

static bool set_protocol(const char *name)
{
    for (int kind = PROTOCOL_FIRST; kind < PROTOCOL_KINDS; kind++) {
        if (strcmp(name, protocol_kind_name((enum protocol_kind)kind)) == 0) {
            question.protocol = (enum protocol_kind)kind;
            return true;
        }
    }
    return false;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv)
{
    enum { HELP = 256, PROGRAM, JSON };
    static const struct option options[] = {
        {"protocol", required_argument, NULL, 'P'},
        {"program", required_argument, NULL, PROGRAM},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":P:", options, NULL)) != -1) {
        switch (option) {
        case 'P':
            if (!set_protocol(optarg))
                return usage_error("check: '%s' is no protocol: %s", optarg, protocol_names_listed);
            break;
        case PROGRAM:
            asked_program(&asked, optarg);
            break;
        case JSON:
            as_json = true;
            break;
        case HELP:
            help();
            return finish(EXIT_SUCCESS);
        case ':':
            return usage_error("check: option '%s' needs an argument", argv[optind - 1]);
        default:
            return usage_error("check: unknown option '%s'", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return usage_error(argc == optind ? "check: which HOST?" : "check: one HOST at a time");
    if (!asked_place(&asked, "check", argv[optind]))
        return EXIT_USAGE;
    return asked_user(&asked, "check", NULL) ? -1 : EXIT_FAILURE;
}

static void choose_ports(void)
{
    const uint16_t *const ports = protocol_ports(question.protocol);

    port_given = asked.ports_count == 1;
    question.patience = port_given ? CONNECT_PATIENCE : CONNECT_IN_TURN;
    if (port_given || question.protocol == PROTOCOL_AUTO)
        return;
    asked.ports_count = 0;
    for (size_t i = 0; i < PROTOCOL_PORTS && ports[i] != 0; i++)
        asked.ports[asked.ports_count++] = ports[i];
}

static void show(const struct check *check)
{
    if (as_json) {
        fputs(one_shown ? ",\n " : "[", stdout);
        show_check_as_json(check, &asked);
    } else {
        fputs(one_shown ? "\n" : "", stdout);
        show_check(check, &asked);
    }
    one_shown = true;
    fflush(stdout);
}

/* True if every port that answers is good, and at least one answers. */
static bool check_ports(void)
{
    static struct check check;
    bool good = true, answered = false;

    for (size_t i = 0; i < asked.ports_count; i++) {
        check_run(&check, &question, asked.ports[i]);
        show(&check);
        if (check.verdict == VERDICT_UNREACHABLE && !port_given)
            continue;
        answered = true;
        good = good && check_is_good(&check);
    }
    if (as_json)
        fputs(one_shown ? "]\n" : "[]\n", stdout);
    return good && answered;
}

int main(int argc, char **argv)
{
    const int64_t began = check_now();
    int status, error;
    bool good;

    signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL); /* as the relay does */
    if (strcmp(argv[0], "lint") == 0)
        return lint(argc, argv);
    status = read_options(argc, argv);
    if (status >= 0)
        return status;
    choose_ports();
    error = asked_resolve(&asked);
    if (error) {
        complain("%s: %s", asked.host, gai_strerror(error));
        if (as_json)
            puts("[]");
        return EXIT_FAILURE;
    }
    if (!asked.numeric)
        question.lookup = check_now() - began;
    question.policy = own_policy();
    fputs(policy_errors(question.policy), stderr);
    good = check_ports();
    policy_free(question.policy);
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
