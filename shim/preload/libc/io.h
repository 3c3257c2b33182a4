/*
 * The functions that move bytes; real.h has the others. The constructor looks them up. Those that another
 * library's constructor may call earlier are looked up by their first call. A member is NULL if the libc has
 * no such function.
 */
#ifndef RETROTLS_PRELOAD_LIBC_IO_H
#define RETROTLS_PRELOAD_LIBC_IO_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* musl 1.2 has macros of these names (its off_t always has 64 bits); we mean the functions. */
#undef fcntl64
#undef preadv64v2
#undef pwritev64v2
#undef sendfile64

struct io {
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*readv)(int, const struct iovec *, int);
    ssize_t (*preadv2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*preadv64v2)(int, const struct iovec *, int, int64_t, int);
    ssize_t (*read_chk)(int, void *, size_t, size_t);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
    ssize_t (*recv_chk)(int, void *, size_t, size_t, int);
    ssize_t (*recvfrom_chk)(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
    ssize_t (*recvmsg)(int, struct msghdr *, int);
    ssize_t (*recvmsg64)(int, struct msghdr *, int);
    int (*recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
    int (*recvmmsg64)(int, struct mmsghdr *, unsigned, int, void *);

    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pwritev2)(int, const struct iovec *, int, off_t, int);
    ssize_t (*pwritev64v2)(int, const struct iovec *, int, int64_t, int);
    ssize_t (*send)(int, const void *, size_t, int);

    ssize_t (*sendfile)(int, int, off_t *, size_t);
    ssize_t (*sendfile64)(int, int, int64_t *, size_t);
    ssize_t (*splice)(int, int64_t *, int, int64_t *, size_t, unsigned);

    int (*socket)(int, int, int);
    int (*dup)(int);
    int (*dup2)(int, int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*fcntl64)(int, int, ...);
    int (*fcntl_time64)(int, int, ...);
    int (*pidfd_getfd)(int, int, unsigned);
};

extern struct io io;

void io_start(void);

/* Call this before using a member that does not look itself up. */
static inline void io_ready(void)
{
    if (!io.dup)
        io_start();
}

#endif
