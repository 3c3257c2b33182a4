#include "monitor/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#    define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif

enum { STATUS_LIMIT = 16 * 1024, GROUPS_LIMIT = 65536, GROUPS_AT_FIRST = 32 };

static struct credentials *own;
static uint64_t permitted;              /* of this process's capabilities */
static struct stat own_namespace;       /* of users */
static bool is_other, has_other_groups; /* credentials are taken on */

/* ---- capabilities ---- */

static bool get_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &head, data) == 0;
}

/* Only what is effective: what is permitted can be made effective again. */
static bool set_effective(uint64_t wanted)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (permitted == 0)
        return true;
    if (!get_capabilities(data))
        return false;
    data[0].effective = (uint32_t)wanted & data[0].permitted;
    data[1].effective = (uint32_t)(wanted >> 32) & data[1].permitted;
    return syscall(SYS_capset, &head, data) == 0;
}

/* ---- one's own ---- */

static struct credentials *made(size_t count)
{
    struct credentials *c = calloc(1, sizeof *c + count * sizeof *c->groups);

    if (c)
        c->count = count;
    return c;
}

static struct credentials *copy(const struct credentials *from)
{
    struct credentials *c = made(from->count);

    if (c)
        memcpy(c, from, sizeof *c + from->count * sizeof *c->groups);
    return c;
}

bool credentials_note_own(void)
{
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    const int count = getgroups(0, NULL);

    free(own);
    own = made(count > 0 ? (size_t)count : 0);
    if (!own || (count > 0 && getgroups(count, own->groups) != count))
        return false;
    own->user = geteuid();
    own->group = getegid();
    if (get_capabilities(data)) {
        own->capabilities = data[0].effective | (uint64_t)data[1].effective << 32;
        permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    }
    if (permitted != 0 && stat("/proc/self/ns/user", &own_namespace) != 0)
        permitted = 0; /* whether a program's count here cannot be told */
    return true;
}

struct credentials *credentials_own(void)
{
    return own || credentials_note_own() ? copy(own) : NULL;
}

bool credentials_are_same(const struct credentials *one, const struct credentials *other)
{
    return one->user == other->user && one->group == other->group &&
           one->capabilities == other->capabilities && one->count == other->count &&
           memcmp(one->groups, other->groups, one->count * sizeof *one->groups) == 0;
}

/* ---- the program's ---- */

/* The numbers behind `key` in /proc/PID/status; NULL where it has none. */
static const char *value_of(const char *status, const char *key)
{
    const char *at = strstr(status, key);

    return at && (at == status || at[-1] == '\n') ? at + strlen(key) : NULL;
}

static bool read_status(pid_t pid, char text[STATUS_LIMIT])
{
    char path[32];
    size_t used = 0;
    ssize_t n = 1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    errno = ESRCH;
    fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    while (fd >= 0 && n > 0 && used < STATUS_LIMIT - 1) {
        n = read(fd, text + used, STATUS_LIMIT - 1 - used);
        used += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    text[used] = '\0';
    return used > 0;
}

/*
 * A user namespace's capabilities are none outside of it (user_namespaces(7)). Where its name cannot be read,
 * it may be another one.
 */
static bool shares_namespace(pid_t pid)
{
    char path[40];
    struct stat its;

    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    return stat(path, &its) == 0 && own_namespace.st_dev == its.st_dev && own_namespace.st_ino == its.st_ino;
}

/*
 * Of the process's first thread: others share its memory, and are no further away from what it has. The user
 * has to be the one that asked, or the number is another process's by now.
 */
static uint64_t capabilities_of(const char *status, pid_t pid, uid_t user)
{
    const char *const users = value_of(status, "Uid:"), *const effective = value_of(status, "CapEff:");
    unsigned real, in_effect;

    if (!users || !effective || sscanf(users, "%u %u", &real, &in_effect) != 2 || in_effect != user ||
        !shares_namespace(pid))
        return 0;
    return strtoull(effective, NULL, 16);
}

/* Before Linux 4.13 the kernel tells no groups of a peer; those of its process do. */
static struct credentials *groups_by_status(const char *status)
{
    const char *at = value_of(status, "Groups:");
    struct credentials *c = at ? made(GROUPS_LIMIT) : NULL;

    if (!c)
        return NULL;
    for (c->count = 0; c->count < GROUPS_LIMIT && *at != '\n'; c->count++) {
        char *end;

        c->groups[c->count] = (gid_t)strtoul(at, &end, 10);
        if (end == at)
            break;
        at = end;
    }
    return c;
}

static struct credentials *groups_of(int connection)
{
    socklen_t size = GROUPS_AT_FIRST * sizeof(gid_t);
    struct credentials *c = made(GROUPS_AT_FIRST);
    int error = c ? 0 : ENOMEM;

    if (c && getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, c->groups, &size) != 0)
        error = errno;
    if (error == ERANGE) { /* and `size` is what there has to be (net/core/sock.c) */
        free(c);
        c = made(size / sizeof(gid_t));
        error = c && getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, c->groups, &size) == 0 ? 0 : EIO;
    }
    if (error == 0) {
        c->count = size / sizeof(gid_t);
        return c;
    }
    free(c);
    return NULL;
}

/*
 * Once the process has ended, its number may be another one's, and the worker chooses when the monitor looks.
 * Asked after the look: who still had the connection then had its number before.
 */
static bool has_hung_up(int connection)
{
    struct pollfd peer = {.fd = connection};

    return poll(&peer, 1, 0) != 0;
}

struct credentials *credentials_of_peer(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    char status[STATUS_LIMIT] = "";
    uint64_t capabilities;
    struct credentials *c;

    if ((!own && !credentials_note_own()) ||
        getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid == (uid_t)-1)
        return NULL;
    c = groups_of(connection);
    if ((!c || permitted != 0) && !read_status(peer.pid, status)) {
        if (errno == EMFILE || errno == ENFILE ||
            errno == ENOMEM) { /* it may have rights that we cannot see */
            free(c);
            return NULL;
        }
        status[0] = '\0';
    }
    capabilities = permitted & capabilities_of(status, peer.pid, peer.uid);
    if (status[0] && has_hung_up(connection)) {
        status[0] = '\0';
        capabilities = 0;
    }
    if (!c)
        c = groups_by_status(status);
    if (!c)
        return NULL;
    c->user = peer.uid;
    c->group = peer.gid;
    c->capabilities = capabilities;
    return c;
}

/* ---- taking them on ---- */

static bool has_groups(const struct credentials *c)
{
    return c->count == own->count && memcmp(c->groups, own->groups, c->count * sizeof *c->groups) == 0;
}

/* setfsuid(2) tells of no failure: the number in effect does. */
static bool set_ids(uid_t user, gid_t group)
{
    setfsgid(group);
    setfsuid(user);
    if ((gid_t)setfsgid((gid_t)-1) == group && (uid_t)setfsuid((uid_t)-1) == user)
        return true;
    errno = EPERM;
    return false;
}

/* By the system call itself: libc's function has all threads of a process change theirs (unit tests have
 * some). */
static bool set_groups(const struct credentials *c)
{
#ifdef SYS_setgroups32
    return syscall(SYS_setgroups32, c->count, c->groups) == 0;
#else
    return syscall(SYS_setgroups, c->count, c->groups) == 0;
#endif
}

bool credentials_take_on(const struct credentials *c)
{
    int error;

    if (credentials_are_same(c, own))
        return true;
    is_other = true;
    if (!has_groups(c) && set_groups(c))
        has_other_groups = true;
    if ((has_groups(c) || has_other_groups) && set_ids(c->user, c->group) &&
        set_effective(c->capabilities & own->capabilities))
        return true;
    error = errno;
    credentials_return();
    errno = error;
    return false;
}

void credentials_return(void)
{
    const int error = errno;

    /* Capabilities first, by which the rest is allowed; back to root, the kernel changes them once more. */
    if (is_other && !(set_effective(own->capabilities) && set_ids(own->user, own->group) &&
                      set_effective(own->capabilities) && (!has_other_groups || set_groups(own))))
        abort();
    is_other = has_other_groups = false;
    errno = error;
}
