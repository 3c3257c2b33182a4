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
#define IO(name, libc, doctor, member, alias) {offsetof(struct io, member), #name, alias},
#include "preload/calls.def"
    };

    _Static_assert(sizeof functions / sizeof functions[0] == sizeof(struct io) / sizeof(void (*)(void)),
                   "each member of struct io has a line in calls.def");
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        look_up(functions[i].member, functions[i].name, functions[i].alias);
}
