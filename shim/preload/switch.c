#include "preload/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/epoll_sets.h"
#include "preload/sys.h"

/* What a switch touches. */
struct extent {
    uint64_t cookie, inode; /* of the socket */
    int number[SWITCH_NUMBERS_LIMIT];
    int flags[SWITCH_NUMBERS_LIMIT]; /* O_CLOEXEC or 0 */
    size_t numbers;
    struct registration registration[SWITCH_REGISTRATIONS_LIMIT];
    struct registrations registered;
};

/* linux_dirent64 of getdents64(2). */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int open_numbers(void)
{
    return sys_lift(sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0));
}

bool switch_is_possible(void)
{
    const int folder = open_numbers();

    if (folder >= 0)
        sys_close(folder);
    return folder >= 0;
}

static bool carry_option(int fd, int to, int name)
{
    uint8_t value[32]; /* struct timeval of any libc */
    socklen_t length = sizeof value;

    return sys_getsockopt(fd, SOL_SOCKET, name, value, &length) == 0 &&
           sys_setsockopt(to, SOL_SOCKET, name, value, length) == 0;
}

static bool carry_owner(int fd, int to)
{
    struct f_owner_ex owner = {.pid = 0};
    const int signal = sys_fcntl(fd, F_GETSIG, 0);

    if (sys_fcntl(fd, F_GETOWN_EX, (long)(intptr_t)&owner) != 0)
        return false;
    if (owner.pid != 0 && sys_fcntl(to, F_SETOWN_EX, (long)(intptr_t)&owner) != 0)
        return false;
    return signal <= 0 || sys_fcntl(to, F_SETSIG, signal) == 0;
}

bool switch_carry(int fd, int to)
{
    const int flags = sys_fcntl(fd, F_GETFL, 0);
    const int had = sys_fcntl(to, F_GETFL, 0);
    const int carried = O_NONBLOCK | O_ASYNC;

    if (flags < 0 || had < 0 || !carry_owner(fd, to))
        return false;
    if (((flags ^ had) & carried) && sys_fcntl(to, F_SETFL, (had & ~carried) | (flags & carried)) != 0)
        return false;
    return carry_option(fd, to, SO_RCVTIMEO) && carry_option(fd, to, SO_SNDTIMEO) &&
           carry_option(fd, to, SO_RCVLOWAT);
}

/* The number that an entry of /proc/self/fd names, or -1 (".", ".."). */
static int number_of(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    for (; *name; name++)
        number = number * 10 + (*name - '0');
    return number;
}

static bool note_number(struct extent *extent, int number)
{
    const int flags = sys_fcntl(number, F_GETFD, 0);

    if (extent->numbers == SWITCH_NUMBERS_LIMIT) {
        errno = EMFILE;
        return false;
    }
    extent->number[extent->numbers] = number;
    extent->flags[extent->numbers++] = flags & FD_CLOEXEC ? O_CLOEXEC : 0;
    return true;
}

/*
 * Calls `visit` for each open number but `folder`, open on /proc/self/fd; false where one does or the folder
 * cannot be read.
 */
static bool walk(int folder, struct extent *extent, bool (*visit)(struct extent *, int number))
{
    _Alignas(8) uint8_t buffer[1024];
    ssize_t got;

    if (syscall(SYS_lseek, folder, 0, SEEK_SET) != 0)
        return false;
    while ((got = sys_getdents(folder, buffer, sizeof buffer)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct entry *const e = (const struct entry *)(buffer + at);
            const int number = number_of(e->name);

            if (number >= 0 && number != folder && !visit(extent, number))
                return false;
            at += e->length;
        }
    }
    return got == 0;
}

static bool visit_socket(struct extent *extent, int number)
{
    uint64_t cookie;

    return !sys_cookie(number, &cookie) || cookie != extent->cookie || note_number(extent, number);
}

static bool visit_set(struct extent *extent, int number)
{
    uint64_t cookie;

    if (sys_cookie(number, &cookie) || errno != ENOTSOCK || !epoll_set_is(number))
        return true;
    return epoll_set_read(number, extent->inode, extent->number, extent->numbers, &extent->registered);
}

static bool survey(struct extent *extent, int fd)
{
    const int folder = open_numbers();
    uint32_t owner;
    bool good;
    int saved;

    extent->numbers = 0;
    extent->registered =
        (struct registrations){.item = extent->registration, .limit = SWITCH_REGISTRATIONS_LIMIT};
    if (folder < 0)
        return false;
    good = sys_cookie(fd, &extent->cookie) && sys_inode(fd, &extent->inode, &owner) &&
           walk(folder, extent, visit_socket) && walk(folder, extent, visit_set);
    saved = errno;
    sys_close(folder);
    errno = saved;
    return good;
}

/* False where one could not be registered again; then its set does not hear of the socket any more. */
static bool register_again(const struct extent *extent)
{
    bool all = true;

    for (size_t i = 0; i < extent->registered.count; i++) {
        if (!epoll_add(&extent->registration[i]))
            all = false;
    }
    return all;
}

static bool unregister(struct extent *extent)
{
    struct registrations *const r = &extent->registered;
    const size_t found = r->count;

    r->count = 0;
    for (size_t i = 0; i < found; i++) {
        if (epoll_delete(&r->item[i]))
            r->item[r->count++] = r->item[i];
        else if (errno != ENOENT) /* of an older file under the same number, which lives on elsewhere */
            return false;
    }
    return true;
}

static bool replace(int number, int to, int flags)
{
    /* EBUSY: another thread is just opening that very number. */
    for (int tries = 0; tries < 1000; tries++) {
        if (sys_dup3(to, number, flags) == number)
            return true;
        if (errno != EBUSY)
            return false;
    }
    return false;
}

bool switch_all(int fd, int to)
{
    struct extent extent;
    bool good;

    if (!survey(&extent, fd))
        return false;
    good = unregister(&extent);
    /* EBADF: a number above an RLIMIT_NOFILE that was lowered after it was opened. */
    for (size_t i = 0; good && i < extent.numbers; i++)
        good = replace(extent.number[i], to, extent.flags[i]);
    const int saved = errno;
    good = register_again(&extent) && good;
    errno = saved;
    return good;
}
