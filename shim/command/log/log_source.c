#include "command/log/log_source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/own_policy.h"
#include "policy/policy.h"
#include "policy/runtime_log.h"
#include "wire/protocols.h"

enum { TAIL = 8 * 1024 * 1024 /* bytes of a file, from its end, that we look at */ };

/* ---- files ---- */

static bool fits(const struct log_source *s, const struct stat *found)
{
    return S_ISREG(found->st_mode) && (!s->own || found->st_uid == geteuid());
}

/* O_NONBLOCK: somebody may have put a FIFO there. */
static void open_file(struct log_source *s, bool from_start)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (s->own ? O_NOFOLLOW : 0);
    struct stat found;

    s->used = 0;
    s->skip = false;
    s->fd = open(s->name, flags);
    s->error = s->fd < 0 && errno != ENOENT && errno != ENOTDIR ? errno : 0;
    if (s->fd < 0)
        return;
    if (fstat(s->fd, &found) != 0 || !fits(s, &found)) {
        close(s->fd);
        s->fd = -1;
        s->error = EPERM;
        return;
    }
    s->device = found.st_dev;
    s->inode = found.st_ino;
    if (!from_start && found.st_size > TAIL) {
        lseek(s->fd, found.st_size - TAIL, SEEK_SET);
        s->skip = true;
    }
}

static bool is_listed(const struct log_source *source, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(source[i].name, path) == 0)
            return true;
    }
    return false;
}

static size_t add(struct log_source *source, size_t count, const char *path, enum log_form form, bool own)
{
    struct log_source *const s = &source[count];

    if (count == LOG_SOURCES || is_listed(source, count, path))
        return count;
    s->form = form;
    s->own = own;
    snprintf(s->name, sizeof s->name, "%s", path);
    open_file(s, false);
    return count + 1;
}

/* ---- which files ---- */

/* The previous file first, so that lines of one second stay in order. */
static size_t add_runtime(struct log_source *source, size_t count)
{
    char path[RUNTIME_LOG_PATH], old[RUNTIME_LOG_PATH + sizeof RUNTIME_LOG_OLD];

    for (unsigned i = 0; i < RUNTIME_LOG_PLACES; i++) {
        runtime_log_path(path, i, (uint32_t)geteuid());
        snprintf(old, sizeof old, "%s" RUNTIME_LOG_OLD, path);
        count = add(source, count, old, LOG_OWN, true);
        count = add(source, count, path, LOG_OWN, true);
    }
    return count;
}

/* The files that the policy names for connections to the usual ports, of whatever program. */
static size_t add_policys(struct log_source *source, size_t count)
{
    const char *const wanted = getenv("RETROTLS_LOG");
    const struct policy *policy;

    if (wanted && *wanted == '/')
        return add(source, count, wanted, LOG_OWN, false);
    policy = own_policy(true);
    for (const uint16_t *port = usual_ports; *port != 0 && count < LOG_SOURCES / 2; port++) {
        /* 192.0.2.1, which is no host's (RFC 5737) */
        const struct policy_query query = {
            .address = {.family = AF_INET, .port = *port, .bytes = {192, 0, 2, 1}},
            .uid = (uint32_t)geteuid()};
        struct settings settings;

        if (policy_decide(policy, &query, &settings) != DECISION_ERROR && settings.log &&
            settings.log[0] == '/')
            count = add(source, count, settings.log, LOG_OWN, false);
    }
    policy_free(policy);
    return count;
}

/* The first of these that exists: facility mail's own file, or the one for everything. */
static size_t add_syslogs(struct log_source *source, size_t count)
{
    static const char *const paths[] = {"/var/log/mail.log", "/var/log/maillog", "/var/log/mail",
                                        "/var/log/syslog", "/var/log/messages"};
    struct stat found;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (stat(paths[i], &found) == 0 && S_ISREG(found.st_mode))
            return add(source, count, paths[i], LOG_SYSLOG, false);
    }
    return count;
}

/* ---- the journal ---- */

#define JOURNALCTL "/usr/bin/journalctl"

static bool has_journal(void)
{
    return access(JOURNALCTL, X_OK) == 0 &&
           (access("/run/log/journal", F_OK) == 0 || access("/var/log/journal", F_OK) == 0);
}

/* Runs journalctl(1), which ends when we do. */
static _Noreturn void be_journalctl(int out, unsigned lines, bool follow)
{
    char number[32], user[32];
    const char *const followed = follow ? "--follow" : "--no-pager", *const whose =
                                                                         geteuid() != 0 ? user : NULL;
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    snprintf(number, sizeof number, "--lines=%u", lines);
    snprintf(user, sizeof user, "_UID=%u", (unsigned)geteuid());
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    dup2(out, STDOUT_FILENO);
    if (null >= 0)
        dup2(null, STDERR_FILENO); /* "you are not seeing messages from other users" */
    execl(JOURNALCTL, "journalctl", "-q", "-t", "retrotls", "-o", "short-unix", number, followed, whose,
          (char *)NULL);
    _exit(127);
}

static size_t add_journal(struct log_source *source, size_t count, unsigned lines, bool follow)
{
    struct log_source *const s = &source[count];
    int ends[2];
    pid_t child;

    if (!has_journal() || pipe2(ends, O_CLOEXEC) != 0)
        return count;
    child = fork();
    if (child == 0)
        be_journalctl(ends[1], lines, follow);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return count;
    }
    s->form = LOG_JOURNAL;
    s->fd = ends[0];
    snprintf(s->name, sizeof s->name, "the journal");
    return count + 1;
}

size_t log_sources_open(struct log_source source[LOG_SOURCES], unsigned lines, bool follow)
{
    size_t count = add_policys(source, 0);

    count = add_runtime(source, count);
    /* Where there is a journal, syslog's files have the same lines again. */
    return has_journal() ? add_journal(source, count, lines, follow) : add_syslogs(source, count);
}

/* ---- reading ---- */

void log_source_renew(struct log_source *s)
{
    struct stat found;
    const bool is_there = s->form != LOG_JOURNAL && stat(s->name, &found) == 0;

    if (!is_there)
        return;
    if (s->fd < 0) {
        open_file(s, true);
    } else if (found.st_dev != s->device || found.st_ino != s->inode ||
               found.st_size < lseek(s->fd, 0, SEEK_CUR)) {
        close(s->fd);
        open_file(s, true);
    }
}

static void take(struct log_source *s, const char *bytes, size_t length,
                 void (*each)(struct log_record *record))
{
    struct log_record record;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            s->skip = s->skip || s->used == sizeof s->line - 1;
            if (!s->skip)
                s->line[s->used++] = bytes[i] ? bytes[i] : '?';
            continue;
        }
        s->line[s->used] = '\0';
        if (!s->skip && log_record_read(&record, s->form, s->line, time(NULL)))
            each(&record);
        s->used = 0;
        s->skip = false;
    }
}

bool log_source_read(struct log_source *s, void (*each)(struct log_record *record))
{
    static char bytes[65536];
    ssize_t n;

    if (s->fd < 0)
        return true;
    do {
        n = read(s->fd, bytes, sizeof bytes);
        if (n > 0)
            take(s, bytes, (size_t)n, each);
    } while ((n > 0 && s->form != LOG_JOURNAL) || (n < 0 && errno == EINTR));
    return s->form != LOG_JOURNAL || n > 0;
}
