/*
 * System calls made directly. libc's wrappers are cancellation points, the program or another preload may
 * interpose them, and some are newer than the oldest libc that we run with. Each function returns what the
 * system call of its name returns, -1 with errno set if it fails, unless its comment says otherwise.
 */
#ifndef RETROTLS_PRELOAD_SYS_SYS_H
#define RETROTLS_PRELOAD_SYS_SYS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * sys_call(NUMBER, ARGUMENT...), with up to six arguments: like syscall(2), which another preload may
 * interpose too (torsocks does).
 */
#define sys_call(...) SYS_CALL_OF(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0)(__VA_ARGS__)
#define SYS_CALL_OF(n, a, b, c, d, e, f, call, ...) call
#define SYS_0(n) sys_call_6(n, 0, 0, 0, 0, 0, 0)
#define SYS_1(n, a) sys_call_6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS_2(n, a, b) sys_call_6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_3(n, a, b, c) sys_call_6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_4(n, a, b, c, d) sys_call_6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e) sys_call_6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f) \
    sys_call_6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
long sys_call_6(long number, long a, long b, long c, long d, long e, long f);

int sys_close(int fd);
int sys_open(const char *path, int flags, unsigned mode);
ssize_t sys_read(int fd, void *buffer, size_t size);
ssize_t sys_writev(int fd, const struct iovec *pieces, int count);
ssize_t sys_readlink(const char *path, char *buffer, size_t size);
ssize_t sys_getdents(int fd, void *buffer, size_t size);
int sys_fcntl(int fd, int command, long argument);
int sys_ioctl(int fd, unsigned long request, void *argument);
int sys_dup3(int from, int to, int flags);
/* `milliseconds`: -1 for ever. */
int sys_poll(struct pollfd *set, unsigned count, int milliseconds);

int sys_socket(int domain, int type, int protocol);
int sys_socketpair(int domain, int type, int protocol, int pair[2]);
int sys_bind(int fd, const void *address, socklen_t length);
int sys_listen(int fd, int backlog);
int sys_connect(int fd, const void *address, socklen_t length);
int sys_shutdown(int fd, int how);
int sys_getsockname(int fd, void *address, socklen_t *length);
int sys_getpeername(int fd, void *address, socklen_t *length);
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
ssize_t sys_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t sys_sendto(int fd, const void *bytes, size_t count, int flags, const void *address, socklen_t length);
/* `messages`: struct mmsghdr, which old headers lack. */
int sys_sendmmsg(int fd, void *messages, unsigned count, int flags);

/* The value of an option that is an int, or `otherwise` if we cannot get it. */
int sys_option(int fd, int level, int name, int otherwise);

/*
 * A number that no other socket on this machine has, or ever had (SO_COOKIE, Linux 4.12). False if `fd` is
 * closed or not a socket. For older kernels, see WIRE_COOKIE_OF_INODE.
 */
bool sys_cookie(int fd, uint64_t *cookie);

/* fstat(2)'s st_ino and st_uid of an open file; false if it fails. */
bool sys_inode(int fd, uint64_t *inode, uint32_t *owner);

/*
 * Moves `fd` above the standard descriptors, so that nothing that the program writes to a closed one goes
 * into it. Returns the new number (close-on-exec), or -1 after closing `fd`. A negative `fd` is returned as
 * it is.
 */
int sys_lift(int fd);

/*
 * process_vm_readv(2) or process_vm_writev(2) on the calling process, between `here` and `there`, which may
 * be bad. Returns the number of bytes copied, or -1 with EFAULT if it can copy none.
 */
ssize_t sys_copy_own_memory(void *here, void *there, size_t size, bool writing);

uint32_t sys_process(void); /* getpid(2), never cached */
uint32_t sys_thread(void);  /* gettid(2) */
/* Whether a thread of that process has that number. */
bool sys_thread_exists(uint32_t process, uint32_t thread);

/* The capabilities that the calling thread may use (capget(2), permitted). False if it fails; keeps errno. */
bool sys_permitted(uint64_t *capabilities);

int64_t sys_milliseconds(void); /* CLOCK_MONOTONIC */
int64_t sys_nanoseconds(void);  /* the same clock */
int64_t sys_time(void);         /* seconds, CLOCK_REALTIME */
/*
 * Makes sys_milliseconds() use libc's clock_gettime(2), which asks the kernel without a system call. Before
 * glibc 2.17 that function was in librt, so it may be missing.
 */
void sys_start(void);
void sys_pause(int milliseconds);

/* Fills the buffer with random bytes from the kernel; false if it has none. */
bool sys_random(void *buffer, size_t size);

/*
 * Blocks all signals, even those that libc keeps for itself (thread cancellation), except SIGSYS: a sandbox
 * inside the program may use it to make system calls, and the kernel kills the program if it is blocked.
 */
typedef struct {
    uint64_t bits; /* the kernel's own signal set */
} sys_signals;
sys_signals sys_signals_block(void);
void sys_signals_restore(sys_signals saved);
/*
 * Whether a signal is pending that sys_signals_restore(saved) lets through to a handler without SA_RESTART:
 * it would have interrupted a system call that waited.
 */
bool sys_signals_interrupt(sys_signals saved);

#endif
