/* retrotls doctor: whether a preload can reach a program, and what it would find there. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/command.h"
#include "command/own_policy.h"
#include "command/reach/imported_calls.h"
#include "command/reach/ld_so.h"
#include "command/reach/library.h"
#include "command/reach/target.h"
#include "command/reach/wrapper.h"
#include "command/usage.h"

enum { LABEL = 12 }; /* columns of the words on the left */

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

/* ---- its calls */

static void add_library(void *context, const char *path)
{
    imported_calls_add(context, path, false);
}

static void gather_calls(const struct target *target, struct imported_calls *calls)
{
    static struct ld_so_answer answer;

    imported_calls_add(calls, target_program(target), true);
    ld_so_list(&answer, target->elf.interpreter, target_program(target), NULL);
    ld_so_each_file(&answer, add_library, calls);
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
        note(
            "It gives rights to its user that you have anyhow (setuid, setgid or file capabilities): started "
            "by another user, it is out of reach.");
    if (calls->connects)
        note("Its connections are seen: it calls connect() of the C library.");
    else
        note("Nothing here imports connect(): it makes no connection, or by a program or a plugin that it "
             "loads, or by system calls of its own, which are not seen.");
    if (*calls->own_resolver)
        note("It may look names up by %s, which is not watched. A connection whose name is not known fits no "
             "block that names a host, and fails at level secure: give it a block with its address, and in "
             "that a line 'name HOST'.",
             calls->own_resolver);
    else if (calls->connects && !calls->resolves)
        note("Nothing here looks a name up by the C library. A connection whose name is not known fits no "
             "block "
             "that names a host, and fails at level secure: give it a block with its address, and in that a "
             "line 'name HOST'.");
    if (calls->rings)
        note("It links liburing: what it does by io_uring is not seen.");
    if (calls->loads_more)
        note("It loads plugins while it runs (dlopen), which are not listed here.");
    if (*calls->tls)
        note("It links %s, so it can do TLS itself. On a connection that retrotls guards, turn its own TLS "
             "off; where it is to do TLS itself, exempt it in the policy (level none).",
             calls->tls);
    else
        note("It links no TLS library known here.");
}

/* ---- the policy */

static void show_policy(const struct target *target)
{
    const struct policy *const policy = own_policy();
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
            rule = "the policy is in error";
            break;
        }
        say(stdout, 8, "  %4u  %-8s  %-11s  %s", *port, protocol, level, rule ? rule : "");
    }
    if (*policy_errors(policy))
        say(stdout, 2, "  %s\n", policy_first_error(policy));
    else
        say(stdout, 2,
            "  A block that names hosts or addresses may decide otherwise: 'retrotls explain HOST:PORT'.");
    free(program);
    policy_free(policy);
}

/* ---- all of it */

/* We run the loader that a program names to list its libraries: only if it is the system's own. */
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
    return EXIT_FAILURE;
}

static int examine(const struct target *target, char *const argv[])
{
    static char lost[WRAPPER_WORDS];
    static char words[TARGET_WORDS_LIMIT], why[LIBRARY_WHY_LIMIT];
    static struct library library;
    static struct imported_calls calls;

    if (target->fault == TARGET_MISSING || target->fault == TARGET_DENIED) {
        complain("%s", target_words(target, words));
        return target->fault == TARGET_MISSING ? EXIT_MISSING : EXIT_REFUSED;
    }
    if (target->fault != TARGET_WITHIN_REACH)
        return out_of_reach(target, target_words(target, words));
    if (wrapper_fault(argv, lost))
        return out_of_reach(target, lost);
    if (!loader_is_the_systems(target)) {
        snprintf(why, sizeof why,
                 "It has %s load it, which is not the system's own loader, or has that run an auditor; "
                 "nothing of it was run to find out more.",
                 target->elf.interpreter);
        return out_of_reach(target, why);
    }
    if (!library_find(&library, target, why))
        return out_of_reach(target, why);
    verdict(true, target->step[0], "is within reach.");
    putchar('\n');
    show_program(target);
    say(stdout, LABEL, "%-*s%s", LABEL, "Library", library.path);
    gather_calls(target, &calls);
    show_calls(&calls);
    show_notes(target, &calls);
    show_policy(target);
    return EXIT_SUCCESS;
}

static void help(void)
{
    puts("Usage: retrotls doctor PROGRAM\n"
         "Say whether a preloaded library can reach PROGRAM and why not, which socket and\n"
         "resolver calls it and its libraries import, whether it can do TLS itself, and\n"
         "which policy applies to it. Nothing of PROGRAM is run.\n"
         "\n"
         "Exit status: 0 within reach; 1 out of reach; 2 wrong usage; 126 PROGRAM cannot\n"
         "be executed; 127 PROGRAM not found.");
}

int command_doctor(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static struct target target;
    static char path[PATH_MAX];
    int option, error, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option != 'h')
            return usage_error("doctor: unknown option '%s'", argv[optind - 1]);
        help();
        return finish(EXIT_SUCCESS);
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
    status = examine(&target, argv + optind);
    target_close(&target);
    return finish(status);
}
