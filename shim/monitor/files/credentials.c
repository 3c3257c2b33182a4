#include "monitor/files/credentials.h"

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
static uint64_t permitted;        /* capabilities of this process */
static struct stat own_namespace; /* user namespace of this process */
/* Whose credentials this thread has taken on. */
static _Thread_local bool is_other, has_other_groups;

/* ---- capabilities ---- */

static bool get_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &head, data) == 0;
}

/* Changes only the effective set, which can be raised again to the permitted one. */
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

/* ---- our own ---- */

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
        permitted = 0; /* we could not tell whether a program's capabilities count here */
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

/* Returns the numbers after `key` in /proc/PID/status; NULL if the key is missing. */
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
 * Capabilities in a user namespace do not count outside of it (user_namespaces(7)). If we cannot read which
 * namespace it is, we assume a different one.
 */
static bool shares_namespace(pid_t pid)
{
    char path[40];
    struct stat its;

    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    return stat(path, &its) == 0 && own_namespace.st_dev == its.st_dev && own_namespace.st_ino == its.st_ino;
}

/*
 * Returns the capabilities of the process's first thread: the other threads share its memory, so they can use
 * them as well. The process must belong to the user that asked; otherwise its PID has been reused.
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

/* Before Linux 4.13, SO_PEERGROUPS is missing; /proc/PID/status has the groups of the peer's process. */
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
    if (error == ERANGE) { /* `size` is now what we need (net/core/sock.c) */
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
 * Whether the peer has closed the connection. Once the peer has ended, another process may have its PID, and
 * the worker chooses when the monitor looks. So ask this after looking at /proc: if the peer still has the
 * connection now, the PID was its own then.
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
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            /* It may have rights that we cannot see now. */
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

/* setfsuid(2) does not report failure, so we read back the IDs in effect. */
static bool set_ids(uid_t user, gid_t group)
{
    setfsgid(group);
    setfsuid(user);
    if ((gid_t)setfsgid((gid_t)-1) == group && (uid_t)setfsuid((uid_t)-1) == user)
        return true;
    errno = EPERM;
    return false;
}

/* Uses the system call: libc's function changes the groups of all threads. */
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

    /*
     * Capabilities come first, as the rest needs them. The kernel changes them again when we return to root,
     * so we set them once more.
     */
    if (is_other && !(set_effective(own->capabilities) && set_ids(own->user, own->group) &&
                      set_effective(own->capabilities) && (!has_other_groups || set_groups(own))))
        abort();
    is_other = has_other_groups = false;
    errno = error;
}
