#include "relay/sandbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "relay/landlock.h"
#include "relay/log.h"
#include "relay/seccomp.h"

/* Written before there are threads that read it. */
static bool has_domains;
static char missing[256];
static atomic_flag told = ATOMIC_FLAG_INIT;

/* `error` 0: the kernel has none. */
static void miss(const char *what, const char *since, const char *so, int error)
{
    const size_t used = strlen(missing);

    snprintf(missing + used, sizeof missing - used, "%s%s%s%s: %s", used ? "; " : "",
             error ? "cannot use " : "the kernel has no ", what, error ? "" : since,
             error ? strerror(error) : so);
}

/* What more memory or descriptors would mend: whoever has used them up must not meet a relay with fewer
 * walls.
 */
static bool is_for_now(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE;
}

static bool enter_landlock(void)
{
    int ruleset, error;

    if (landlock_version() == 0) {
        miss("Landlock", " (Linux 5.13)", "the relay could read other files than it needs", 0);
        return true;
    }
    ruleset = landlock_for_process();
    error = ruleset < 0 ? errno : landlock_take_on(ruleset);
    if (ruleset >= 0)
        close(ruleset);
    if (error != 0)
        miss("Landlock", "", "", error);
    has_domains = error == 0;
    return !is_for_now(error);
}

static bool enter_seccomp(void)
{
    const int error = seccomp_shut();

    if (error != 0)
        miss("seccomp filters", " (CONFIG_SECCOMP_FILTER)", "the relay could use every system call",
             error == ENOSYS || error == EINVAL ? 0 : error);
    return !is_for_now(error);
}

bool sandbox_enter(bool off)
{
    if (off) {
        snprintf(missing, sizeof missing, "RETROTLS_SANDBOX=off: the relay is not shut in");
        return true;
    }
    tzset(); /* /etc/localtime is read but once, and no thread may later */
    /* Nor can this user's other processes trace it or read its memory (proc(5), ptrace(2)). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        miss("PR_SET_DUMPABLE", "", "", errno);
    return enter_landlock() && enter_seccomp();
}

void sandbox_plan(struct domain *domain, struct connection *c)
{
    const char *const where = c->request.settings.log;

    memset(domain, 0, sizeof *domain);
    if (!has_domains)
        return;
    domain_of(domain, &c->request.settings);
    if (c->log < 0 && where && where[0] == '/')
        c->log = log_open(where);
}

bool sandbox_enter_domain(const struct domain *domain, struct connection *c)
{
    const int error = has_domains ? domain_enter(domain, &c->request.settings) : 0;

    /* An enemy who has used up descriptors or memory must not meet a relay with fewer walls for it. */
    if (error == EMFILE || error == ENFILE)
        c->request.failure =
            "the relay cannot shut itself in (Landlock): too many open files; raise the limit "
            "(ulimit -n)";
    else if (error == ENOMEM)
        c->request.failure = "the relay cannot shut itself in (Landlock): out of memory";
    else if (error != 0)
        c->request.failure =
            "the relay cannot shut itself in (Landlock); RETROTLS_SANDBOX=off goes on without";
    return error == 0;
}

void sandbox_tell(const struct connection *c)
{
    if (missing[0] && !atomic_flag_test_and_set(&told))
        log_warning(c->request.settings.log, c->log, missing);
}
