#include "supervise/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* include/uapi/asm-generic/unistd.h; the same on every architecture */
#ifndef SYS_pidfd_open
#    define SYS_pidfd_open 434 /* Linux 5.3 */
#endif
#ifndef SYS_pidfd_getfd
#    define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif

enum {
    LINK_LIMIT = 256, /* bytes of a link in /proc/PID/fd; "socket:[17]" is short */
    TRIES = 5,
};

/* A number in /proc/TID/status: "Tgid:\t17", or the second one of "Uid:\t0\t0\t0\t0". */
static bool status_number(pid_t tid, const char *format, long *number)
{
    char path[64], line[256];
    bool found = false;
    FILE *status;

    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    status = fopen(path, "re");
    while (status && !found && fgets(line, sizeof line, status))
        found = sscanf(line, format, number) == 1;
    if (status)
        fclose(status);
    return found;
}

bool client_open(struct client *client, pid_t tid)
{
    enum { PIDFD_OF_THREAD = O_EXCL }; /* PIDFD_THREAD, Linux 6.9 */
    long pid;

    *client = (struct client){.tid = tid, .pidfd = -1};
    if (tid <= 0 || !status_number(tid, "Tgid: %ld", &pid)) {
        errno = ESRCH;
        return false;
    }
    client->pid = (pid_t)pid;
    /* A thread may have a table of descriptors of its own (CLONE_FILES in unshare(2)). */
    client->pidfd = (int)syscall(SYS_pidfd_open, tid, PIDFD_OF_THREAD);
    if (client->pidfd < 0 && errno == EINVAL) {
        client->pidfd = (int)syscall(SYS_pidfd_open, client->pid, 0);
        client->whole = true;
    }
    return client->pidfd >= 0;
}

void client_close(struct client *client)
{
    if (client->pidfd >= 0)
        close(client->pidfd);
    client->pidfd = -1;
}

/*
 * Reads the link that /proc has for descriptor `number` of the process or thread `id`; "" if there is none.
 */
static void read_link(pid_t id, int number, char link[LINK_LIMIT])
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)id, number);
    length = readlink(path, link, LINK_LIMIT - 1);
    link[length > 0 ? length : 0] = '\0';
}

/*
 * True if the thread's `number` is the same socket as our `fd`. If `fd` is negative, true if the thread has
 * nothing under `number`. Comparing links is enough, because a socket has only one open file.
 */
static bool is_threads(const struct client *client, int number, int fd)
{
    char its[LINK_LIMIT], own[LINK_LIMIT] = "";

    read_link(client->tid, number, its);
    if (fd >= 0)
        read_link((pid_t)syscall(SYS_gettid), fd, own);
    return strcmp(its, own) == 0;
}

int client_descriptor(const struct client *client, int number)
{
    for (int tries = 0; tries < TRIES;
         tries++) { /* another thread may close or replace it between two looks */
        const int fd = (int)syscall(SYS_pidfd_getfd, client->pidfd, number, 0);

        if (!client->whole || client->tid == client->pid || (fd < 0 && errno != EBADF))
            return fd;
        if (is_threads(client, number, fd)) {
            errno = EBADF;
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    errno = EXDEV;
    return -1;
}

static bool by_memory_file(const struct client *client, void *here, uint64_t there, size_t size, bool writing)
{
    char path[64];
    ssize_t done;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)client->tid);
    fd = open(path, (writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) {
        errno = EPERM;
        return false;
    }
    done = writing ? pwrite(fd, here, size, (off_t)there) : pread(fd, here, size, (off_t)there);
    close(fd);
    errno = EFAULT;
    return done == (ssize_t)size;
}

/* Falls back to /proc/PID/mem: the filter of a container may refuse process_vm_readv(2), as podman's does. */
static bool copy(const struct client *client, void *here, uint64_t there, size_t size, bool writing)
{
    const struct iovec own = {.iov_base = here, .iov_len = size};
    const struct iovec its = {.iov_base = (void *)(uintptr_t)there, .iov_len = size};
    ssize_t done;

    if (size == 0)
        return true;
    done = writing ? process_vm_writev(client->tid, &own, 1, &its, 1, 0)
                   : process_vm_readv(client->tid, &own, 1, &its, 1, 0);
    if (done == (ssize_t)size)
        return true;
    if (done >= 0 || errno == EFAULT) {
        errno = EFAULT;
        return false;
    }
    return by_memory_file(client, here, there, size, writing);
}

bool client_read(const struct client *client, void *to, uint64_t from, size_t size)
{
    return copy(client, to, from, size, false);
}

bool client_write(const struct client *client, uint64_t to, const void *from, size_t size)
{
    return copy(client, (void *)(uintptr_t)from, to, size, true);
}

bool client_user(const struct client *client, uint32_t *uid)
{
    long number;

    if (!status_number(client->tid, "Uid: %*d %ld", &number))
        return false;
    *uid = (uint32_t)number;
    return true;
}

bool client_has_signal(const struct client *client)
{
    char path[64], line[256];
    unsigned long long own = 0, shared = 0, blocked = 0;
    FILE *status;

    snprintf(path, sizeof path, "/proc/%d/status", (int)client->tid);
    status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "SigPnd: %llx", &own) == 1 || sscanf(line, "ShdPnd: %llx", &shared) == 1)
            continue;
        if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
            break;
    }
    if (status)
        fclose(status);
    return ((own | shared) & ~blocked) != 0;
}

/* The kernel adds " (deleted)" once the file is gone. */
void client_program(const struct client *client, char path[PATH_MAX])
{
    static const char mark[] = " (deleted)";
    const size_t mark_length = sizeof mark - 1;
    char link[64];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/%d/exe", (int)client->tid);
    length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    if (length > (ssize_t)mark_length && strcmp(path + length - mark_length, mark) == 0 &&
        access(path, F_OK) != 0)
        path[(size_t)length - mark_length] = '\0';
}
