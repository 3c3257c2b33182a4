#include "preload/child/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/trust.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"
#include "wire/supervisor_probe.h"

/* include/uapi/asm-generic/unistd.h; the same on every architecture */
#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

static const char name[] = "/retrotls-supervise";

bool helper_is_needless(void)
{
    const int saved = errno;
    int value;
    socklen_t length = sizeof value;
    /* Without the mark of our own calls (wire/call_mark.h), so that the supervisor sees it. */
    const long result = sys_call(SYS_getsockopt, PROBE_NUMBER, PROBE_LEVEL, PROBE_NAME, &value, &length);

    errno = saved;
    return result == 0;
}

/*
 * Whether the kernel has what starting a supervisor takes (supervise/start). The helper itself reports any
 * other obstacle.
 */
static bool kernel_allows(void)
{
#if UINTPTR_MAX > UINT32_MAX && defined SYS_seccomp
    enum { GET_NOTIF_SIZES = 3 }; /* SECCOMP_GET_NOTIF_SIZES, Linux 5.0 */
    uint16_t sizes[3];
    char scope = '0';
    const int yama = sys_open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC, 0);

    if (yama >= 0) {
        if (sys_read(yama, &scope, 1) != 1)
            scope = '0';
        sys_close(yama);
    }
    /* This close_range(2) closes nothing; it shows whether the kernel is Linux 5.9 or later. */
    return (scope < '2' || (scope == '2' && geteuid() == 0)) &&
           sys_call(SYS_seccomp, GET_NOTIF_SIZES, 0, sizes) == 0 &&
           sys_call(SYS_close_range, UINT32_MAX, UINT32_MAX, 0) == 0;
#else
    return false;
#endif
}

/* Replaces the last part of a path. */
static bool beside(const char *path, char helper[PATH_MAX])
{
    const char *const slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;

    if (!slash || length + sizeof name > PATH_MAX)
        return false;
    memcpy(helper, path, length);
    memcpy(helper + length, name, sizeof name);
    return true;
}

static bool is_trusted(char helper[PATH_MAX], const char *library)
{
    const uint32_t user = trust_user(library);
    char *const slash = strrchr(helper, '/');
    bool trusted;

    *slash = '\0';
    trusted = trust_folder(helper, user) == TRUST_GIVEN;
    *slash = '/';
    return trusted && trust_file(helper, user) == TRUST_GIVEN;
}

bool helper_find(const char *library, char helper[PATH_MAX])
{
    const int saved = errno;
    const bool found =
        kernel_allows() &&
        ((library[0] == '/' && beside(library, helper) && is_trusted(helper, library)) ||
         (beside(RETROTLS_RELAY_PATH, helper) && sys_call(SYS_faccessat, AT_FDCWD, helper, X_OK) == 0));

    errno = saved;
    return found;
}

size_t helper_count(char *const argv[])
{
    size_t count = 0;

    while (argv && argv[count])
        count++;
    return count + 5;
}

void helper_arguments(char *made[], const char *path, char *const argv[])
{
    size_t count = 0;

    made[count++] = (char *)"retrotls-supervise";
    made[count++] = (char *)"exec";
    made[count++] = (char *)path;
    if (!argv || !argv[0])
        made[count++] = (char *)path; /* the kernel would make it an empty one */
    for (; argv && *argv; argv++)
        made[count++] = *argv;
    made[count] = NULL;
}
