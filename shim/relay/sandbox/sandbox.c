#include "relay/sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/relay_log.h"
#include "relay/sandbox/landlock.h"
#include "relay/sandbox/seccomp.h"

/* Written before there are other threads. */
static char missing[256];
static atomic_flag told = ATOMIC_FLAG_INIT;

/* Notes that a wall is missing. `error` 0: the kernel does not have it. */
static void miss(const char *what, const char *since, const char *so, int error)
{
    const size_t used = strlen(missing);

    snprintf(missing + used, sizeof missing - used, "%s%s%s%s: %s", used ? "; " : "",
             error ? "cannot use " : "the kernel has no ", what, error ? "" : since,
             error ? strerror(error) : so);
}

/*
 * Whether more memory or descriptors would help: using them up must not get anybody a relay with fewer walls.
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

/* Root's worker stays root, but may do no more than any other user. */
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
    /* Keeps this user's other processes from tracing it or reading its memory (proc(5), ptrace(2)). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        miss("PR_SET_DUMPABLE", "", "", errno);
    return drop_capabilities() && enter_landlock() && enter_seccomp();
}

void sandbox_tell(struct connection *c)
{
    if (missing[0] && !atomic_flag_test_and_set(&told))
        relay_log_warning(&c->files, c->request.settings.log, missing);
}
