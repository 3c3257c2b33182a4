#include "relay/sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/sandbox/landlock.h"
#include "relay/sandbox/seccomp.h"

/* Both are written before there are other threads. */
static char missing[256];
/* Why there is no system call filter; "" if there is one, or none is wanted. */
static char unfiltered[CLEAN_FIELD_LIMIT + 1];
static atomic_flag reported = ATOMIC_FLAG_INIT;

/* Notes that a wall is missing. `error` is 0 if the kernel does not support it. */
static void miss(const char *what, const char *since, const char *so, int error)
{
    const size_t used = strlen(missing);

    snprintf(missing + used, sizeof missing - used, "%s%s%s%s: %s", used ? "; " : "",
             error ? "cannot use " : "the kernel has no ", what, error ? "" : since,
             error ? strerror(error) : so);
}

/*
 * True if more memory or descriptors would help: nobody must get a relay with fewer walls by using them up.
 */
static bool is_for_now(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE;
}

static bool enter_landlock(void)
{
    int error;

    if (landlock_version() == 0) {
        miss("Landlock", " (Linux 5.13)", "one wall of two", 0);
        return true;
    }
    error = landlock_shut();
    if (error != 0)
        miss("Landlock", "", "", error);
    return !is_for_now(error);
}

/* Drops all capabilities: root's worker stays root, but may do no more than any other user. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* EINVAL before Linux 4.3, which lacks them */
    if (syscall(SYS_capset, &head, none) == 0)
        return true;
    miss("capset(2)", "", "", errno);
    return false;
}

static bool enter_seccomp(void)
{
    const int error = seccomp_shut();
    const bool unknown = error == ENOSYS || error == EINVAL;

    if (error == 0)
        return true;
    miss("seccomp filters", " (CONFIG_SECCOMP_FILTER)", "the relay could use every system call",
         unknown ? 0 : error);
    if (unknown)
        snprintf(unfiltered, sizeof unfiltered, "the kernel has no seccomp filters");
    else
        snprintf(unfiltered, sizeof unfiltered, "no seccomp filters: %s", strerror(error));
    return !is_for_now(error);
}

bool sandbox_enter(bool off)
{
    if (off) {
        snprintf(missing, sizeof missing, "RETROTLS_SANDBOX=off: the relay runs without its sandbox");
        return true;
    }
    /* Keeps this user's other processes from tracing it or reading its memory (proc(5), ptrace(2)). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        miss("PR_SET_DUMPABLE", "", "", errno);
    return drop_capabilities() && enter_landlock() && enter_seccomp();
}

bool sandbox_suffices(const struct settings *settings, const char *server, struct failure *why)
{
    if (!unfiltered[0] || settings->sandbox_optional || !level_demands_tls(settings->level))
        return true;
    fail(why, FAILURE_NO_SANDBOX, server, unfiltered);
    return false;
}

const char *sandbox_report_missing(void)
{
    return missing[0] && !atomic_flag_test_and_set(&reported) ? missing : NULL;
}
