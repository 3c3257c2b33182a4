#include "relay/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From include/uapi/linux/landlock.h of Linux 6.12: Debian 12's is older. */
enum {
    ACCESS_TRUNCATE = 1 << 14,  /* version 3 */
    ACCESS_IOCTL_DEV = 1 << 15, /* version 5 */
    NET_BIND_TCP = 1 << 0,      /* version 4 */
    NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, /* version 6 */
    SCOPE_SIGNAL = 1 << 1,
};

struct ruleset {
    uint64_t files, network, scopes;
};

int landlock_version(void)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

/* A kernel rejects bits that it does not know, and a structure longer than its own unless the rest is 0. */
static struct ruleset everything(void)
{
    const int version = landlock_version();
    struct ruleset r = {.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1}; /* all of version 1 */

    if (version >= 2)
        r.files |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        r.files |= ACCESS_TRUNCATE;
    if (version >= 5)
        r.files |= ACCESS_IOCTL_DEV;
    if (version >= 4)
        r.network = NET_BIND_TCP | NET_CONNECT_TCP;
    if (version >= 6)
        r.scopes = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return r;
}

/* Lets a sanitizer's runtime open /proc/self, where it looks for stacks and modules. */
static void allow_own_memory(int ruleset)
{
#ifdef RETROTLS_SANITIZED
    struct landlock_path_beneath_attr rule = {.allowed_access =
                                                  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
                                              .parent_fd = open("/proc/self", O_PATH | O_CLOEXEC)};

    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
#else
    (void)ruleset;
#endif
}

int landlock_shut(void)
{
    const struct ruleset r = everything();
    const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
    int error;

    if (ruleset < 0)
        return errno;
    allow_own_memory(ruleset);
    error = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
    close(ruleset);
    return error;
}
