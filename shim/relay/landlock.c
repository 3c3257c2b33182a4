#include "relay/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/landlock.h of Linux 6.12, as Debian 12's is older. */
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

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE;
static const uint64_t reading_and_writing = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                            LANDLOCK_ACCESS_FS_WRITE_FILE |
                                            LANDLOCK_ACCESS_FS_MAKE_REG; /* a log that is not there yet */
static const uint64_t changing =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

int landlock_version(void)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

/* A kernel takes no bits that it does not know, nor a longer structure than its own unless the rest is 0. */
static int create(uint64_t files)
{
    const int version = landlock_version();
    struct ruleset r = {.files = files};

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
    return (int)syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
}

int landlock_for_process(void)
{
    return create(changing);
}

int landlock_for_connection(void)
{
    return create(changing | reading_and_writing);
}

bool landlock_allow_reading(int ruleset, int at, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = reading};
    bool good;

    rule.parent_fd = openat(at, path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    good = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    /* EBADFD: what it is on cannot be the root of a rule (a pipe, say, by /dev/fd). */
    return good || errno == EBADFD;
}

int landlock_take_on(int ruleset)
{
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}
