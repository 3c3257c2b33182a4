/*
 * The functions behind the interposed ones: the next definition after this library's, so that other preloads
 * (proxychains, torsocks, fakeroot) keep working.
 *
 * Safe at any time: a member that is called before the constructor has run looks itself up.
 */
#ifndef RETROTLS_PRELOAD_LIBC_REAL_H
#define RETROTLS_PRELOAD_LIBC_REAL_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct addrinfo;

/* As each libc declares them. */
#ifdef __GLIBC__
typedef int sendmmsg_flags;
typedef unsigned long ioctl_request;
#else
typedef unsigned sendmmsg_flags;
typedef int ioctl_request;
#endif

struct real {
    int (*connect)(int, const struct sockaddr *, socklen_t);
    int (*getpeername)(int, struct sockaddr *, socklen_t *);
    int (*getsockname)(int, struct sockaddr *, socklen_t *);
    int (*getsockopt)(int, int, int, void *, socklen_t *);
    int (*setsockopt)(int, int, int, const void *, socklen_t);
    ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
    int (*sendmmsg)(int, struct mmsghdr *, unsigned, sendmmsg_flags);
    int (*shutdown)(int, int);
    int (*close)(int);
    int (*ioctl)(int, ioctl_request, ...);
};

extern struct real real;

/* Looks them all up. For the constructor: the first dlsym(3) must not be in a signal handler. */
void real_start(void);

/* True if real.connect is another preload's and not libc's own, which glibc also has as __connect. */
bool real_connect_is_anothers(void);

#endif
