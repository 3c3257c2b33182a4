#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

struct served {
    const struct seccomp_notif *call;
    struct seccomp_notif_resp *answer;
    int listener;
    const struct kernel *kernel;
};

static bool reads(const struct served *s, uint64_t address, void *to, size_t size)
{
    const struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};

    return process_vm_readv((pid_t)s->call->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool writes(const struct served *s, uint64_t address, const void *from, size_t size)
{
    const struct iovec here = {(void *)(uintptr_t)from, size}, there = {(void *)(uintptr_t)address, size};

    return process_vm_writev((pid_t)s->call->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* Reads page by page, as a path may end just before a page that cannot be read. */
static bool reads_text(const struct served *s, uint64_t address, char *to, size_t size)
{
    for (size_t used = 0; used < size;) {
        const size_t left = 4096 - (address + used) % 4096, part = left < size - used ? left : size - used;

        if (!reads(s, address + used, to + used, part))
            return false;
        if (memchr(to + used, '\0', part))
            return true;
        used += part;
    }
    return false;
}

static void say(const struct served *s, int error, int64_t value)
{
    s->answer->flags = 0;
    s->answer->error = -error;
    s->answer->val = error ? 0 : value;
}

/* ---- /proc ---- */

/* Without the lines for an epoll set's registrations, which Linux 3.8 added. */
static void open_fdinfo(const struct served *s, int number)
{
    char path[64], line[512];
    const int copy = memfd_create("fdinfo", MFD_CLOEXEC);
    FILE *info;
    struct seccomp_notif_addfd add = {.id = s->call->id, .srcfd = (uint32_t)copy, .newfd_flags = O_CLOEXEC};
    int fd;

    snprintf(path, sizeof path, "/proc/%u/fdinfo/%d", s->call->pid, number);
    info = fopen(path, "re");
    if (!info || copy < 0) {
        if (info)
            fclose(info);
        say(s, ENOENT, 0);
        return;
    }
    while (fgets(line, sizeof line, info)) {
        if (strncmp(line, "tfd:", 4) != 0)
            dprintf(copy, "%s", line);
    }
    fclose(info);
    lseek(copy, 0, SEEK_SET);
    fd = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    if (fd < 0)
        say(s, errno, 0);
    else
        say(s, 0, fd);
    close(copy);
}

static void look_at_path(const struct served *s, uint64_t address)
{
    char path[4096];
    const char *info;

    if (!reads_text(s, address, path, sizeof path))
        return;
    if (strncmp(path, "/proc/thread-self", 17) == 0) /* Linux 3.17 */
        say(s, ENOENT, 0);
    else if (s->kernel->version < 308 && strncmp(path, "/proc/self/", 11) == 0 &&
             (info = strstr(path, "/fdinfo/")))
        open_fdinfo(s, atoi(info + 8));
}

/* ---- values ---- */

/*
 * A copy of the calling thread's descriptor. The thread may have a table of its own (CLONE_FILES undone). -1:
 * closed, or out of reach.
 */
static int take(const struct served *s, int number)
{
    enum { THREAD = O_EXCL }; /* PIDFD_THREAD, Linux 6.9 */
    const int caller = (int)syscall(SYS_pidfd_open, s->call->pid, THREAD);
    const int fd = caller < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, caller, number, 0);

    if (caller >= 0)
        close(caller);
    return fd;
}

/* Calls the kernel directly: the library may be preloaded into this process too. */
static int ask_option(int fd, int level, int name, void *value, socklen_t *length)
{
    return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
}

static void give_tcp_info(const struct served *s, int fd)
{
    uint8_t value[512];
    uint32_t size = 0;
    socklen_t length = sizeof value;
    int error = 0;

    if (ask_option(fd, IPPROTO_TCP, TCP_INFO, value, &length) != 0)
        error = errno;
    else if (!reads(s, s->call->data.args[4], &size, sizeof size))
        error = EFAULT;
    else if (size > INT32_MAX)
        error = EINVAL;
    if (error == 0) {
        length = length < s->kernel->tcp_info ? length : s->kernel->tcp_info;
        length = length < size ? length : size;
        if (!writes(s, s->call->data.args[3], value, length) ||
            !writes(s, s->call->data.args[4], &length, sizeof length))
            error = EFAULT;
    }
    say(s, error, 0);
}

/*
 * Handles an option that this kernel lacks, or TCP_INFO. If it is no socket, the real kernel answers as any
 * would.
 */
static void look_at_option(const struct served *s)
{
    const int fd = take(s, (int)s->call->data.args[0]);
    int type;
    socklen_t length = sizeof type;

    if (fd < 0)
        return;
    if (ask_option(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0) {
        if (s->call->data.nr == SYS_getsockopt && s->call->data.args[1] == IPPROTO_TCP &&
            s->call->data.args[2] == TCP_INFO)
            give_tcp_info(s, fd);
        else
            say(s, ENOPROTOOPT, 0);
    }
    close(fd);
}

/*
 * A kernel answers EINVAL for unknown bits, and E2BIG for unknown fields that are not zero
 * (landlock_create_ruleset(2)).
 */
static void look_at_ruleset(const struct served *s)
{
    const __u64 *const args = s->call->data.args;
    uint64_t fields[16] = {0};

    if (args[2] == LANDLOCK_CREATE_RULESET_VERSION && args[0] == 0 && args[1] == 0) {
        say(s, 0, s->kernel->landlock);
        return;
    }
    if (args[1] > sizeof fields || !reads(s, args[0], fields, args[1]))
        return;
    for (size_t i = 1; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i] != 0) {
            say(s, E2BIG, 0);
            return;
        }
    }
    if (fields[0] >> (12 + s->kernel->landlock))
        say(s, EINVAL, 0);
}

static void give_name(const struct served *s)
{
    struct utsname name;

    if (uname(&name) != 0)
        return;
    snprintf(name.release, sizeof name.release, "%s.0-test", s->kernel->name + strlen("linux-"));
    say(s, writes(s, s->call->data.args[0], &name, sizeof name) ? 0 : EFAULT, 0);
}

static bool is_of_32_bits(const struct seccomp_notif *call)
{
    return call->data.arch != 0xc000003e; /* AUDIT_ARCH_X86_64 */
}

static void answer(const struct served *s)
{
    enum { OPEN = 5, READLINK = 85, UNAME = 122, OPENAT = 295, READLINKAT = 305 }; /* i386 */
    const struct seccomp_data *const data = &s->call->data;

    if (is_of_32_bits(s->call)) {
        if (data->nr == UNAME)
            give_name(s);
        else
            look_at_path(s, data->args[data->nr == OPENAT || data->nr == READLINKAT]);
        return;
    }
    switch (data->nr) {
    case SYS_uname:
        give_name(s);
        break;
    case SYS_getsockopt:
    case SYS_setsockopt:
        look_at_option(s);
        break;
    case SYS_landlock_create_ruleset:
        look_at_ruleset(s);
        break;
    case SYS_open:
    case SYS_readlink:
        look_at_path(s, data->args[0]);
        break;
    case SYS_openat:
    case SYS_readlinkat:
        look_at_path(s, data->args[1]);
        break;
    }
}

void kernel_serve(int listener, const struct kernel *kernel)
{
    /* Leaves room for a newer kernel's structures. */
    union {
        struct seccomp_notif it;
        char room[512];
    } call;
    union {
        struct seccomp_notif_resp it;
        char room[512];
    } response;
    struct pollfd wait = {.fd = listener, .events = POLLIN};

    while (poll(&wait, 1, -1) > 0 && !(wait.revents & (POLLHUP | POLLERR | POLLNVAL))) {
        const struct served s = {&call.it, &response.it, listener, kernel};

        memset(&call, 0, sizeof call);
        memset(&response, 0, sizeof response);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
            continue;
        response.it.id = call.it.id;
        response.it.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        answer(&s);
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
}
