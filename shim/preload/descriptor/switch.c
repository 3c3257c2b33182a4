#include "preload/descriptor/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor/async_signal.h"
#include "preload/descriptor/epoll_sets.h"
#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/open_numbers.h"
#include "preload/sys/sys.h"

/* What a switch touches. */
struct extent {
    uint64_t cookie, inode; /* of the socket */
    int keep;               /* a number of the socket to leave alone */
    int number[SWITCH_NUMBERS_LIMIT];
    int flags[SWITCH_NUMBERS_LIMIT]; /* O_CLOEXEC or 0 */
    size_t numbers;
    int set[SWITCH_SETS_NOTED]; /* epoll sets */
    size_t sets;
    bool more_sets; /* than are noted */
    struct registration registration[SWITCH_REGISTRATIONS_LIMIT];
    struct registrations registered;
};

/* `size` is the kernel's: for a timeout qemu-user 10 reports the length 0 and no value. */
static bool carry_option(int fd, int name, int to, int to_name, socklen_t size)
{
    uint8_t value[32] = {0};
    socklen_t length = size;

    return sys_getsockopt(fd, SOL_SOCKET, name, value, &length) == 0 &&
           sys_setsockopt(to, SOL_SOCKET, to_name, value, size) == 0;
}

bool switch_carry_timeout(int fd, int name, int to, int to_name)
{
    enum { FIRST_NEW = 66 }; /* SO_RCVTIMEO_NEW, Linux 5.1: two int64_t */

    return carry_option(fd, name, to, to_name, name >= FIRST_NEW ? 2 * sizeof(int64_t) : 2 * sizeof(long));
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
    const int carried = O_NONBLOCK | O_ASYNC | O_APPEND;

    if (flags < 0 || had < 0 || !carry_owner(fd, to))
        return false;
    if (((flags ^ had) & carried) && sys_fcntl(to, F_SETFL, (had & ~carried) | (flags & carried)) != 0)
        return false;
    return switch_carry_timeout(fd, SO_RCVTIMEO, to, SO_RCVTIMEO) &&
           switch_carry_timeout(fd, SO_SNDTIMEO, to, SO_SNDTIMEO) &&
           carry_option(fd, SO_RCVLOWAT, to, SO_RCVLOWAT, sizeof(int));
}

static bool note_number(struct extent *extent, int number)
{
    const int flags = sys_fcntl(number, F_GETFD, 0);

    if (number == extent->keep)
        return true;
    if (extent->numbers == SWITCH_NUMBERS_LIMIT) {
        errno = EMFILE;
        return false;
    }
    extent->number[extent->numbers] = number;
    extent->flags[extent->numbers++] = flags & FD_CLOEXEC ? O_CLOEXEC : 0;
    return true;
}

/* Until Linux 5.3 two sockets in different network namespaces may share a cookie (relay/pair_identity.h). */
static bool is_the_socket(const struct extent *extent, int number, uint64_t cookie)
{
    uint64_t inode;
    uint32_t owner;

    return cookie == extent->cookie && (!sys_inode(number, &inode, &owner) || inode == extent->inode);
}

static bool visit_socket(void *context, int number)
{
    struct extent *const extent = context;
    uint64_t cookie;

    /* Another thread may close a number meanwhile. One that we cannot ask about may be the socket's. */
    if (!sys_cookie(number, &cookie))
        return errno == ENOTSOCK || errno == EBADF;
    return !is_the_socket(extent, number, cookie) || note_number(extent, number);
}

/*
 * Without /proc we cannot see which events a set waits for. But we can find out whether it has one of the
 * numbers, by trying to add it.
 */
static bool is_unregistered(const struct extent *extent, int set)
{
    for (size_t i = 0; i < extent->numbers; i++) {
        const struct registration probe = {.set = set, .number = extent->number[i]};

        if (epoll_add(&probe))
            epoll_delete(&probe);
        else if (errno != EINVAL) /* EINVAL: no epoll set at all */
            return false;
    }
    return true;
}

static bool visit_set_blindly(void *context, int number)
{
    uint64_t cookie;

    return sys_cookie(number, &cookie) || errno != ENOTSOCK || is_unregistered(context, number);
}

/* Notes the socket's numbers and the epoll sets, in one walk. */
static bool visit(void *context, int number)
{
    struct extent *const extent = context;
    uint64_t cookie;

    if (sys_cookie(number, &cookie))
        return !is_the_socket(extent, number, cookie) || note_number(extent, number);
    if (errno != ENOTSOCK || !epoll_set_is(number))
        return true;
    if (extent->sets < SWITCH_SETS_NOTED)
        extent->set[extent->sets++] = number;
    else
        extent->more_sets = true;
    return true;
}

static bool read_set(struct extent *extent, int set)
{
    return epoll_set_read(set, extent->inode, extent->number, extent->numbers, &extent->registered) ||
           (errno == ENOSYS && is_unregistered(extent, set));
}

static bool visit_set(void *context, int number)
{
    uint64_t cookie;

    return sys_cookie(number, &cookie) || errno != ENOTSOCK || !epoll_set_is(number) ||
           read_set(context, number);
}

static bool survey(struct extent *extent, int fd)
{
    uint64_t cookie;
    uint32_t owner;
    bool no_proc;

    extent->numbers = extent->sets = 0;
    extent->more_sets = false;
    extent->registered =
        (struct registrations){.item = extent->registration, .limit = SWITCH_REGISTRATIONS_LIMIT};
    if (!sys_inode(fd, &extent->inode, &owner) || !sys_cookie(fd, &cookie))
        return false;
    errno = EBADF; /* if no number of the socket is left */
    if (cookie != extent->cookie)
        return false;
    if (!open_numbers_visit(visit, extent, &no_proc))
        return no_proc && open_numbers_visit_blindly(visit_socket, extent) && extent->numbers > 0 &&
               open_numbers_visit_blindly(visit_set_blindly, extent);
    if (extent->more_sets)
        return extent->numbers > 0 && open_numbers_visit(visit_set, extent, &no_proc);
    for (size_t i = 0; i < extent->sets; i++) {
        if (!read_set(extent, extent->set[i]))
            return false;
    }
    return extent->numbers > 0;
}

/* Returns false if one could not be registered again; its set then hears no more of the socket. */
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
        else if (errno != ENOENT) /* an older file under the same number, still open elsewhere */
            return false;
    }
    return true;
}

bool switch_replace(int number, int to, int flags)
{
    /* EBUSY: another thread is opening that very number. */
    for (int tries = 0; tries < 1000; tries++) {
        if (sys_dup3(to, number, flags) == number) {
            fd_state_forget(number);
            return true;
        }
        if (errno != EBUSY)
            return false;
    }
    return false;
}

bool switch_all(int fd, uint64_t cookie, int to, int keep)
{
    struct extent extent;
    bool good;

    extent.cookie = cookie;
    extent.keep = keep;
    if (!survey(&extent, fd))
        return false;
    good = unregister(&extent);
    /* EBADF: a number above an RLIMIT_NOFILE that was lowered after it was opened. */
    for (size_t i = 0; good && i < extent.numbers; i++)
        good = switch_replace(extent.number[i], to, extent.flags[i]);
    const int saved = errno;
    good = register_again(&extent) && good;
    if (good)
        async_signal_renumber(fd);
    errno = saved;
    return good;
}
