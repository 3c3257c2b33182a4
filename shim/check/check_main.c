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
#include "check/progress.h"
#include "command/command.h"
#include "command/common_options.h"
#include "command/own_policy.h"
#include "command/usage.h"

/* If the library is loaded into every program, it looks for this symbol: see shim/preload/sys/exempt.h. */
extern const char retrotls_speaks_itself;
const char retrotls_speaks_itself __attribute__((visibility("default"))) = 1;

static struct asked asked; /* what the options say, and one place at a time */
static bool as_json, one_shown;

static void help(void)
{
    printf("Usage: retrotls check [OPTION]... HOST[:PORT]...\n"
           "Connect to each HOST as a guarded program would, negotiate TLS, and show if the\n"
           "policy is met, the certificates, and lines for a policy. Without PORT: the\n"
           "usual ports of mail, or of PROTOCOL; those that refuse connections do not count\n"
           "then. 'HOST PORT' and URLs such as imap://HOST or pop3s://HOST are the same.\n"
           "\n"
           "  -P, --protocol=PROTOCOL  one of %s\n"
           "      --program=PROGRAM    the program that would connect\n"
           "      --json               for scripts: a list with an object for each port\n"
           "  -p, --policy=FILE        take the policy from FILE\n"
           "  -h, --help               show this and exit\n"
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
            asked.protocol = (enum protocol_kind)kind;
            return true;
        }
    }
    return false;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv)
{
    enum { PROGRAM = 256, JSON };
    static const struct option options[] = {
        {"protocol", required_argument, NULL, 'P'}, {"program", required_argument, NULL, PROGRAM},
        {"json", no_argument, NULL, JSON},          {"policy", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    int option, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":P:hp:", options, NULL)) != -1) {
        switch (option) {
        case 'P':
            if (!set_protocol(optarg))
                return usage_error("check: '%s' is not a protocol: %s", optarg, protocol_names_listed);
            break;
        case PROGRAM:
            asked_program(&asked, optarg);
            break;
        case JSON:
            as_json = true;
            break;
        default:
            status = common_option("check", option, argv, help);
            if (status >= 0)
                return status;
        }
    }
    if (argc == optind)
        return usage_error("check: which HOST?");
    return asked_user(&asked, "check", NULL) ? -1 : EXIT_FAILURE;
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
static bool check_ports(const struct check_question *question)
{
    static struct check check;
    bool good = true, answered = false;

    for (size_t i = 0; i < asked.ports_count; i++) {
        check_run(&check, question, asked.ports[i]);
        show(&check);
        if (check.verdict == VERDICT_UNREACHABLE && !asked.port_given)
            continue;
        answered = true;
        good = good && check_is_good(&check);
    }
    return good && answered;
}

static bool check_place(const struct policy *policy)
{
    struct check_question question = {
        .policy = policy,
        .asked = &asked,
        .lookup = -1,
        .patience = asked.port_given ? CONNECT_PATIENCE : CONNECT_IN_TURN,
    };
    const int64_t began = check_now();
    int error;

    progress_show("%s: looking it up", asked.host);
    error = asked_resolve(&asked);
    progress_end();
    if (error) {
        complain("%s: %s", asked.host, gai_strerror(error));
        return false;
    }
    if (!asked.numeric)
        question.lookup = check_now() - began;
    if (!as_json && !asked.port_given && check_stays_here(&question)) {
        fputs(one_shown ? "\n" : "", stdout);
        show_stays_here(&question);
        one_shown = true;
        return false;
    }
    return check_ports(&question);
}

/* Reads all places before checking the first, so that the user learns of a mistake without waiting. */
static bool places_are_good(char *const words[])
{
    for (int taken; *words; words += taken) {
        struct asked place = asked;

        taken = asked_place(&place, "check", words);
        if (taken == 0)
            return false;
    }
    return true;
}

static bool check_places(char *const words[], const struct policy *policy)
{
    const struct asked options = asked;
    bool good = true;

    while (*words) {
        asked = options;
        words += asked_place(&asked, "check", words);
        good = check_place(policy) && good;
    }
    if (as_json)
        fputs(one_shown ? "]\n" : "[]\n", stdout);
    return good;
}

int main(int argc, char **argv)
{
    const struct policy *policy;
    int status;
    bool good;

    signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL); /* as the relay does */
    if (strcmp(argv[0], "lint") == 0)
        return lint(argc, argv);
    status = read_options(argc, argv);
    if (status >= 0)
        return status;
    if (!places_are_good(argv + optind))
        return EXIT_USAGE;
    policy = own_policy(false);
    fputs(policy_errors(policy), stderr);
    good = check_places(argv + optind, policy);
    policy_free(policy);
    return finish(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
