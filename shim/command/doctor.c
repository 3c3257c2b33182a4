/*
 * retrotls doctor: shows how a program would be guarded, or why it cannot be, and what we find in the
 * program.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command.h"
#include "command/common_options.h"
#include "command/doctor_running.h"
#include "command/own_policy.h"
#include "command/reach/choice.h"
#include "command/reach/imported_calls.h"
#include "command/reach/ld_so.h"
#include "command/reach/target.h"
#include "command/supervision.h"
#include "command/usage.h"

enum { LABEL = 12 }; /* columns of the labels on the left */

/* Exit statuses besides EXIT_SUCCESS, which means that a preload reaches the program. */
enum { EXIT_OUT_OF_REACH = 1, EXIT_SUPERVISED = 3 };

static void heading(const char *text)
{
    printf("\n%s", in_colour(stdout) ? "\033[1m" : "");
    say(stdout, 4, "%s", text);
    fputs(in_colour(stdout) ? "\033[m" : "", stdout);
}

static void verdict(bool good, const char *path, const char *text)
{
    const char *const colour = !in_colour(stdout) ? NULL : good ? "\033[32m" : "\033[31m";

    if (colour)
        fputs(colour, stdout);
    say(stdout, 4, "%s %s", path, text);
    if (colour)
        fputs("\033[m", stdout);
}

static void show_program(const struct target *target)
{
    char machine[64];

    for (size_t i = 1; i < target->steps; i++)
        say(stdout, LABEL, "%-*s%s", LABEL, i == 1 ? "Run by" : "", target->step[i]);
    if (target->elf.machine)
        say(stdout, LABEL, "%-*s%s%s%s", LABEL, "Program",
            elf_machine_name(&target->elf, machine, sizeof machine),
            !target->elf.interpreter               ? ", statically linked"
            : elf_libc(&target->elf) == LIBC_MUSL  ? ", dynamically linked, musl"
            : elf_libc(&target->elf) == LIBC_GLIBC ? ", dynamically linked, glibc"
                                                   : ", dynamically linked",
            target->elf.go ? ", built by Go" : "");
}

/* ---- the program's calls */

static void add_library(void *context, const char *path)
{
    imported_calls_add(context, path, false);
}

static void gather_calls(const struct target *target, const struct library *library,
                         struct imported_calls *calls)
{
    imported_calls_add(calls, target_program(target), true);
    ld_so_each_file(&library->listing, add_library, calls);
}

static void show_calls(const struct imported_calls *calls)
{
    enum { NAME = 22 };
    char text[IMPORTED_CALLS_TEXT_LIMIT];

    heading("Socket and resolver calls that it and its libraries import");
    for (size_t i = 0; i < calls->count; i++)
        say(stdout, NAME + 2, "  %-*s %s", NAME - 1, calls->file[i].name,
            imported_calls_text(&calls->file[i], text));
    if (calls->count == 0)
        puts("  none");
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(stdout, 4, "  - %s", text);
}

static void show_notes(const struct target *target, const struct imported_calls *calls)
{
    heading("What that means");
    if (target->others_gain)
        note("It is setuid or setgid or has file capabilities, and gives you no rights that you lack. For a "
             "user "
             "to whom it gives rights, it is out of reach.");
    if (calls->connects)
        note("retrotls sees its connections: it calls the C library's connect().");
    else
        note(
            "Nothing here imports connect(). Either it makes no connection, or a program that it starts or a "
            "plugin does, or it makes system calls of its own, which retrotls does not see.");
    if (*calls->own_resolver)
        note("It may look up names with %s, which retrotls does not watch. A connection whose name is not "
             "known "
             "fits no block that names a host, and fails at level secure. Write a block with its address and "
             "a line 'name HOST'.",
             calls->own_resolver);
    else if (calls->connects && !calls->resolves)
        note("Nothing here looks up names with the C library. A connection whose name is not known fits no "
             "block that names a host, and fails at level secure. Write a block with its address and a line "
             "'name HOST'.");
    if (calls->rings)
        note("It links liburing. A preloaded library does not see the connections that it makes with "
             "io_uring.");
    if (calls->loads_more)
        note("It loads plugins while it runs (dlopen); they are not listed here.");
    if (*calls->tls)
        note("It links %s, so it can do TLS itself. Turn off its own TLS for connections that retrotls "
             "guards, or exempt it in the policy (level none) if it should do TLS itself.",
             calls->tls);
    else
        note("It links no TLS library that retrotls knows.");
}

/* ---- the policy */

static void show_policy(const struct target *target, const struct policy *policy)
{
    const struct passwd *const user = getpwuid(geteuid());
    char *const program = realpath(target_program(target), NULL);
    struct policy_query query = {
        .program = program, .user = user ? user->pw_name : NULL, .uid = (uint32_t)geteuid()};
    struct settings settings;

    heading("Policy for its connections to the usual ports");
    say(stdout, 8, "  Port  Protocol  Level        Decided by");
    for (const uint16_t *port = usual_ports; *port != 0; port++) {
        const char *protocol = protocol_kind_name(port_protocol(*port)), *level = "none", *rule = "";
        query.address.port = *port;
        switch (policy_decide(policy, &query, &settings)) {
        case DECISION_GUARD:
            if (settings.protocol != PROTOCOL_AUTO)
                protocol = protocol_kind_name(settings.protocol);
            level = level_name(settings.level);
            rule = settings.rule;
            break;
        case DECISION_UNTOUCHED:
            rule = settings.rule;
            break;
        case DECISION_ERROR:
            level = "(fails)";
            rule = "the policy has errors";
            break;
        }
        say(stdout, 8, "  %4u  %-8s  %-11s  %s", *port, protocol, level, rule ? rule : "");
    }
    if (*policy_errors(policy))
        say(stdout, 2, "  %s\n", policy_first_error(policy));
    else
        say(stdout, 2,
            "  A block that names hosts or addresses may decide differently: 'retrotls explain HOST:PORT'.");
    free(program);
}

/* ---- all of it */

/* To list a program's libraries, we run the loader that it names, but only if that is the system's own. */
static bool loader_is_the_systems(const struct target *target)
{
    struct stat st;

    return stat(target->elf.interpreter, &st) == 0 && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
           !target->elf.audits;
}

static int out_of_reach(const struct target *target, const char *words)
{
    verdict(false, target->step[0], "is out of reach.");
    say(stdout, 4, "    %s", words);
    putchar('\n');
    show_program(target);
    return EXIT_OUT_OF_REACH;
}

static int will_be_supervised(const struct target *target, const struct choice *choice,
                              const struct policy *policy)
{
    static char words[SUPERVISION_WORDS], why[LIBRARY_WHY_LIMIT + SUPERVISION_WORDS + 64];

    if (!supervision_is_possible(words)) {
        snprintf(why, sizeof why, "%s%sIt cannot be supervised here: %s.", choice->why,
                 *choice->why ? " " : "", words);
        return out_of_reach(target, why);
    }
    verdict(true, target->step[0], "will be supervised.");
    if (*choice->why)
        say(stdout, 4, "    %s", choice->why);
    putchar('\n');
    show_program(target);
    heading("What that means");
    note("A process beside it serves its connections and those of all that it starts.");
    note("retrotls sees which names it asks DNS servers for, and reads /etc/hosts. It does not see a name "
         "from "
         "mDNS, or from DNS over TLS or HTTPS: at level secure, such a server needs a block with its address "
         "or "
         "port and a line 'name HOST'.");
    if (geteuid() != 0)
        note("Setuid programs that it starts gain no rights (no_new_privs).");
    show_policy(target, policy);
    return EXIT_SUPERVISED;
}

static int within_reach(const struct target *target, const struct choice *choice, const struct policy *policy)
{
    static struct imported_calls calls;
    static char words[SUPERVISION_WORDS];

    if (choice->way == WAY_BOTH && !supervision_is_possible(words))
        return out_of_reach(target, words);
    verdict(true, target->step[0],
            choice->way == WAY_BOTH ? "is within reach, and will be supervised too." : "is within reach.");
    if (*choice->why)
        say(stdout, 4, "    %s", choice->why);
    putchar('\n');
    show_program(target);
    say(stdout, LABEL, "%-*s%s", LABEL, "Library", choice->library.path);
    gather_calls(target, &choice->library, &calls);
    show_calls(&calls);
    show_notes(target, &calls);
    show_policy(target, policy);
    return choice->way == WAY_BOTH ? EXIT_SUPERVISED : EXIT_SUCCESS;
}

static int examine(const struct target *target, char *const argv[], const struct policy *policy)
{
    static char words[TARGET_WORDS_LIMIT], why[LIBRARY_WHY_LIMIT];
    static struct choice choice;

    if (target->fault == TARGET_MISSING || target->fault == TARGET_DENIED) {
        complain("%s", target_words(target, words));
        return target->fault == TARGET_MISSING ? EXIT_MISSING : EXIT_REFUSED;
    }
    if (target->fault == TARGET_WITHIN_REACH && !loader_is_the_systems(target)) {
        snprintf(why, sizeof why,
                 "It is loaded by %s, which is not the system's own loader, or it makes the loader run an "
                 "auditor. None of it was run to find out more.",
                 target->elf.interpreter);
        return out_of_reach(target, why);
    }
    choose(&choice, target, argv, own_reach(policy, target_program(target)));
    switch (choice.way) {
    case WAY_SUPERVISE:
        return will_be_supervised(target, &choice, policy);
    case WAY_PRELOAD:
    case WAY_BOTH:
        return within_reach(target, &choice, policy);
    case WAY_NONE:
    default:
        return out_of_reach(target, choice.why);
    }
}

static void help(void)
{
    puts("Usage: retrotls doctor PROGRAM\n"
         "       retrotls doctor --pid=NUMBER | --service=NAME\n"
         "Say whether a preloaded library reaches PROGRAM, or a supervisor will, or why\n"
         "neither can; which socket and resolver calls it and its libraries import,\n"
         "whether it can do TLS itself, and which policy applies to it. This does not run\n"
         "PROGRAM.\n"
         "\n"
         "Of a process that runs, say whether it is guarded, by which policy, and which\n"
         "of its connections are in the clear now.\n"
         "\n"
         "      --pid=NUMBER    the process with that number\n"
         "      --service=NAME  all processes of that service of systemd's\n"
         "  -p, --policy=FILE   take the policy from FILE\n"
         "  -h, --help          show this and exit\n"
         "\n"
         "Exit status: 0 within reach of a preload, or guarded by it; 1 cannot be\n"
         "guarded, or not guarded, or has a connection in the clear that the policy\n"
         "guards; 2 wrong usage; 3 will be supervised, or is; 126 PROGRAM cannot be\n"
         "executed, or the process cannot be looked at; 127 not found.");
}

int command_doctor(int argc, char **argv)
{
    enum { PROCESS = 256, SERVICE };
    static const struct option options[] = {
        {"pid", required_argument, NULL, PROCESS},
        {"policy", required_argument, NULL, 'p'},
        {"service", required_argument, NULL, SERVICE},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct target target;
    static char path[PATH_MAX];
    const char *process = NULL, *service = NULL;
    bool other_policy = false;
    const struct policy *policy;
    int option, error, status;

    opterr = 0;
    optind = 0; /* restart getopt(3) */
    while ((option = getopt_long(argc, argv, ":hp:", options, NULL)) != -1) {
        if (option == PROCESS) {
            process = optarg;
            continue;
        }
        if (option == SERVICE) {
            service = optarg;
            continue;
        }
        other_policy = other_policy || option == 'p';
        status = common_option("doctor", option, argv, help);
        if (status >= 0)
            return status;
    }
    if (process || service) {
        if (optind < argc || (process && service))
            return usage_error("doctor: one program, process or service at a time");
        if (other_policy)
            return usage_error("doctor: a process that runs has its policy; try 'retrotls explain -p'");
        return finish(process ? doctor_process(process) : doctor_service(service));
    }
    if (argc - optind != 1)
        return usage_error(optind == argc ? "doctor: which program?" : "doctor: one program at a time");
    error = target_search(argv[optind], path);
    if (error) {
        if (error == ENOENT && !strchr(argv[optind], '/'))
            complain("no program '%s' in PATH", argv[optind]);
        else
            complain("%s: %s", argv[optind], strerror(error));
        return error == ENOENT || error == ENOTDIR ? EXIT_MISSING : EXIT_REFUSED;
    }
    target_open(&target, path);
    policy = own_policy(false);
    status = examine(&target, argv + optind, policy);
    policy_free(policy);
    target_close(&target);
    return finish(status);
}
