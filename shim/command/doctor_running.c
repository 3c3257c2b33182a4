#include "command/doctor_running.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/look_apart.h"
#include "command/relays.h"
#include "command/running/process.h"
#include "command/running/tcp_sockets.h"
#include "command/running/unit.h"
#include "command/usage.h"
#include "policy/policy.h"
#include "policy/text.h"

enum { EXIT_GUARDED = 0, EXIT_IN_THE_CLEAR = 1, EXIT_SUPERVISED = 3, LABEL = 16 };

static struct process process; /* the one that we look at; it is too large for the stack */

/* One line about the process. */
static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *label, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(stdout, LABEL, "  %-*s%s", LABEL - 2, label, text);
}

/* ---- its policy */

static const struct passwd *account(void)
{
    return getpwuid(process.user);
}

/* The files that the library loads there, if the process has our root and has changed no variable. */
static size_t sources_of_process(struct policy_source sources[POLICY_SOURCES])
{
    static char paths[2 * 4096];
    const struct passwd *const own = account();
    const char *const home = process.home[0] == '/' ? process.home : own ? own->pw_dir : NULL;

    return policy_default_sources(sources, process.policy[0] ? process.policy : NULL, home, false, paths,
                                  sizeof paths);
}

static const struct policy *policy_of_process(void)
{
    struct policy_source sources[POLICY_SOURCES];
    const size_t count = sources_of_process(sources);

    return policy_load_by(sources, count, &(struct policy_way){.apart = look_apart, .may_hang = true});
}

static void show_sources(void)
{
    struct policy_source sources[POLICY_SOURCES];
    const size_t count = sources_of_process(sources);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!sources[i].path || (access(sources[i].path, F_OK) != 0 && !sources[i].must_exist))
            continue;
        line(any ? "" : "Policy", "%s", sources[i].path);
        any = true;
    }
    if (!any)
        line("Policy", "built in");
}

/* ---- its connections */

struct look {
    const struct policy *policy;
    bool in_the_clear; /* although the policy guards it */
    size_t count;
};

static void show_own(void *context, const struct wire_address *peer)
{
    struct look *const look = context;
    const struct passwd *const own = account();
    const struct policy_query query = {.address = *peer,
                                       .program = process.program,
                                       .user = own ? own->pw_name : NULL,
                                       .uid = (uint32_t)process.user};
    const bool usual = port_protocol(peer->port) != PROTOCOL_AUTO;
    struct settings settings;
    char address[INET6_ADDRSTRLEN] = "?", place[INET6_ADDRSTRLEN + 16];
    const enum decision decision = policy_decide(look->policy, &query, &settings);

    if (decision == DECISION_UNTOUCHED && !usual)
        return;
    inet_ntop(peer->family, peer->bytes, address, sizeof address);
    snprintf(place, sizeof place, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, peer->port);
    look->count++;
    if (decision == DECISION_UNTOUCHED) {
        line("In the clear", "%s; the policy leaves it alone (%s)", place, settings.rule);
        return;
    }
    look->in_the_clear = true;
    if (decision == DECISION_ERROR)
        line("In the clear", "%s, unless the program does TLS itself; the policy has errors", place);
    else
        line("In the clear",
             "%s, unless the program does TLS itself; the policy (%s) says %s. Start the program again under "
             "retrotls",
             place, settings.rule, level_name(settings.level));
}

static void show_guarded(struct look *look, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *const row = &rows->row[i];

        if (row->pid != (uint32_t)process.pid)
            continue;
        look->count++;
        if (row->stage == WIRE_TLS)
            line("TLS", "%s:%u, %s", row->server, row->port, row->version);
        else if (row->stage == WIRE_PLAINTEXT)
            line("In the clear", "%s:%u; the policy allows it (%s), and the server does not offer TLS",
                 row->server, row->port, level_name(row->level));
        else
            line(row->stage == WIRE_REFUSED ? "Refused" : "Connecting", "%s:%u", row->server, row->port);
    }
}

/* ---- the process */

static const char *how(bool concerned)
{
    if (process.library[0])
        return process.supervised ? "is guarded by the library, and supervised too."
                                  : "is guarded by the library.";
    if (process.supervised)
        return "is supervised.";
    return concerned ? "is not guarded." : "is not guarded; the policy leaves it alone.";
}

static int status_of(bool concerned, const struct look *look)
{
    if (look->in_the_clear || (concerned && !process.library[0] && !process.supervised))
        return EXIT_IN_THE_CLEAR;
    return process.supervised ? EXIT_SUPERVISED : EXIT_GUARDED;
}

/* Looks at a process and shows it. -1: it has ended. */
static int examine(pid_t pid, const struct rows *rows)
{
    const int error = process_look(&process, pid);
    struct look look = {.policy = NULL};
    const struct passwd *own;
    bool concerned;
    int failed, status;

    if (error == ENOENT)
        return -1;
    if (error != 0) {
        complain("doctor: process %d: %s%s", (int)pid, strerror(error),
                 error == EACCES ? "; root may look at other users' processes" : "");
        return EXIT_REFUSED;
    }
    if (process_is_ours(&process))
        return EXIT_GUARDED;
    own = account();
    say(stdout, 4, "%d %s (%s)", (int)pid, process.program, own ? own->pw_name : "user without a name");
    look.policy = policy_of_process();
    concerned = policy_may_concern(look.policy, process.program);
    say(stdout, 4, "  It %s", how(concerned));
    if (process.library[0])
        line("Library", "%s", process.library);
    show_sources();
    failed = tcp_sockets_each(pid, show_own, &look);
    show_guarded(&look, rows);
    if (failed != 0)
        line("Connections", "cannot be seen: %s", strerror(failed));
    else if (look.count == 0)
        line("Connections", "none to a mail server now");
    if (*policy_errors(look.policy))
        say(stdout, 4, "  %s", policy_first_error(look.policy));
    status = status_of(concerned, &look);
    policy_free(look.policy);
    return status;
}

/* The worse of two exit statuses. */
static int worse(int a, int b)
{
    static const int order[] = {EXIT_REFUSED, EXIT_IN_THE_CLEAR, EXIT_SUPERVISED};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return EXIT_GUARDED;
}

static int examine_all(const pid_t *pids, size_t count, const char *what)
{
    struct rows rows = {.row = NULL};
    int status = EXIT_GUARDED;
    size_t shown = 0;

    if (!relays_ask(&rows) || rows.silent > 0)
        complain("doctor: not all relays answer, so connections may be missing");
    for (size_t i = 0; i < count; i++) {
        const int found = examine(pids[i], &rows);

        if (found >= 0) {
            status = worse(status, found);
            shown++;
        }
    }
    rows_free(&rows);
    if (shown == 0) {
        complain("doctor: %s", what);
        return EXIT_MISSING;
    }
    return status;
}

int doctor_process(const char *number)
{
    uint32_t read;
    pid_t pid;

    if (!read_number(number, INT32_MAX, &read, NULL) || read == 0)
        return usage_error("doctor: '%s' is no process number", number);
    pid = (pid_t)read;
    return examine_all(&pid, 1, "there is no such process");
}

int doctor_service(const char *name)
{
    static pid_t pids[UNIT_PROCESSES];
    char words[512];

    if (strchr(name, '/') || !name[0])
        return usage_error("doctor: '%s' is no name of a service", name);
    snprintf(words, sizeof words, "no process of a service '%s' runs here", name);
    return examine_all(pids, unit_processes(name, pids), words);
}
