/*
 * The functions behind the interposed ones: the next definition after this library's, so that other preloads
 * (proxychains, torsocks, fakeroot) keep working.
 *
 * Safe at any time: a member that is called before the constructor has run looks itself up.
 */
#ifndef RETROTLS_PRELOAD_LIBC_REAL_H
#define RETROTLS_PRELOAD_LIBC_REAL_H

#include <spawn.h>
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
    int (*ioctl)(int, ioctl_request, ...);
    long (*syscall)(long, ...); /* until the constructor has run, the system call itself */
    int (*close)(int);          /* not interposed */

    /* The constructor looks these up. Whoever may come before it calls real_ready(). */
    int (*execve)(const char *, char *const[], char *const[]);
    int (*execvpe)(const char *, char *const[], char *const[]);
    int (*fexecve)(int, char *const[], char *const[]);
    int (*execveat)(int, const char *, char *const[], char *const[], int);
    int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                       char *const[], char *const[]);
    int (*posix_spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                        char *const[], char *const[]);
};

extern struct real real;

/* Looks them all up. For the constructor: the first dlsym(3) must not be in a signal handler. */
void real_start(void);

/*
 * For a program that a supervisor serves too: what the library does not guard goes to the kernel by marked
 * calls (wire/call_mark.h), which are no cancellation points. Another preload's connect() is still called.
 */
void real_mark_calls(void);

/* True if another preload's connect() comes before ours, or the program's own. It then has to call ours. */
bool real_connect_is_behind(void);

static inline void real_ready(void)
{
    if (!real.execve)
        real_start();
}

/* True if real.connect is another preload's and not libc's own, which glibc also has as __connect. */
bool real_connect_is_anothers(void);

#endif
