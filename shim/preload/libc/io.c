#include "preload/libc/io.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

static ssize_t first_read(int fd, void *buffer, size_t size)
{
    io_start();
    return io.read(fd, buffer, size);
}

static ssize_t first_readv(int fd, const struct iovec *pieces, int count)
{
    io_start();
    return io.readv(fd, pieces, count);
}

static ssize_t first_recv(int fd, void *buffer, size_t size, int flags)
{
    io_start();
    return io.recv(fd, buffer, size, flags);
}

static ssize_t first_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                              socklen_t *length)
{
    io_start();
    return io.recvfrom(fd, buffer, size, flags, address, length);
}

static ssize_t first_recvmsg(int fd, struct msghdr *message, int flags)
{
    io_start();
    return io.recvmsg(fd, message, flags);
}

static ssize_t first_write(int fd, const void *bytes, size_t size)
{
    io_start();
    return io.write(fd, bytes, size);
}

static ssize_t first_writev(int fd, const struct iovec *pieces, int count)
{
    io_start();
    return io.writev(fd, pieces, count);
}

static ssize_t first_send(int fd, const void *bytes, size_t size, int flags)
{
    io_start();
    return io.send(fd, bytes, size, flags);
}

struct io io = {
    .read = first_read,
    .readv = first_readv,
    .recv = first_recv,
    .recvfrom = first_recvfrom,
    .recvmsg = first_recvmsg,
    .recvmsg64 = first_recvmsg,
    .write = first_write,
    .writev = first_writev,
    .send = first_send,
};

/* `alias` has the same effect, for a libc without the function. */
static void look_up(size_t member, const char *name, const char *alias)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found && alias)
        found = dlsym(RTLD_NEXT, alias);
    /* POSIX lets a data pointer be used as a function's (dlsym(3), NOTES). Store it whole, for threads. */
    __atomic_store((void **)(void *)((char *)&io + member), &found, __ATOMIC_RELEASE);
}

void io_start(void)
{
    static const struct {
        size_t member;
        const char *name, *alias;
    } functions[] = {
        {offsetof(struct io, read), "read", NULL},
        {offsetof(struct io, readv), "readv", NULL},
        {offsetof(struct io, preadv2), "preadv2", NULL},
        {offsetof(struct io, preadv64v2), "preadv64v2", NULL},
        {offsetof(struct io, read_chk), "__read_chk", NULL},
        {offsetof(struct io, recv), "recv", NULL},
        {offsetof(struct io, recvfrom), "recvfrom", NULL},
        {offsetof(struct io, recv_chk), "__recv_chk", NULL},
        {offsetof(struct io, recvfrom_chk), "__recvfrom_chk", NULL},
        {offsetof(struct io, recvmsg), "recvmsg", NULL},
        {offsetof(struct io, recvmsg64), "__recvmsg64", "recvmsg"},
        {offsetof(struct io, recvmmsg), "recvmmsg", NULL},
        {offsetof(struct io, recvmmsg64), "__recvmmsg64", NULL},
        {offsetof(struct io, write), "write", NULL},
        {offsetof(struct io, writev), "writev", NULL},
        {offsetof(struct io, pwritev2), "pwritev2", NULL},
        {offsetof(struct io, pwritev64v2), "pwritev64v2", NULL},
        {offsetof(struct io, send), "send", NULL},
        {offsetof(struct io, sendfile), "sendfile", NULL},
        {offsetof(struct io, sendfile64), "sendfile64", sizeof(off_t) == 8 ? "sendfile" : NULL},
        {offsetof(struct io, splice), "splice", NULL},
        {offsetof(struct io, socket), "socket", NULL},
        {offsetof(struct io, dup), "dup", NULL},
        {offsetof(struct io, dup2), "dup2", NULL},
        {offsetof(struct io, dup3), "dup3", NULL},
        {offsetof(struct io, fcntl), "fcntl", NULL},
        {offsetof(struct io, fcntl64), "fcntl64", "fcntl"},
        {offsetof(struct io, fcntl_time64), "__fcntl_time64", "fcntl"},
        {offsetof(struct io, pidfd_getfd), "pidfd_getfd", NULL},
    };

    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        look_up(functions[i].member, functions[i].name, functions[i].alias);
}
