/*
 * For LD_PRELOAD, in the relay or in the program: one allocation fails, or one call moves a single byte.
 *
 * FAULTY="WHAT NUMBER FILE": WHAT is `malloc` (and its kin), `recv`, `send` or `read`; NUMBER says which of
 * these calls, from 1 (0: none). FILE gets the number of calls of each, in that order, as 64-bit numbers.
 *
 * A short recv() is only done on TCP. The kernel then reports what is left as a new edge, as if it had come
 * only then (tcp_set_rcvlowat() reports data that is there). A UNIX socket returns all that is asked for and
 * there. `read` means calls through syscall(2), which is how the library reads files.
 *
 * Not counted are allocations by libseccomp, for which there is memory (memory.h), and, in a program, all but
 * the library's: glibc 2.36 itself crashes in a lookup if one fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* glibc's own functions, under the names that it keeps for this purpose (malloc/malloc.c). */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum what { MALLOC, RECV, SEND, READ, WHATS };

static struct counts {
    _Atomic uint64_t of[WHATS];
} nowhere, *counts = &nowhere;
static int chosen = -1;
static uintmax_t number;

/* Where the code of each is loaded. */
static struct range {
    uintptr_t begin, end;
} seccomp, library;

static bool is_in(const struct range *range, const void *address)
{
    return (uintptr_t)address >= range->begin && (uintptr_t)address < range->end;
}

static int note(struct dl_phdr_info *object, size_t size, void *unused)
{
    struct range *range = NULL;

    (void)size;
    (void)unused;
    if (strstr(object->dlpi_name, "/libseccomp"))
        range = &seccomp;
    if (strstr(object->dlpi_name, "/libretrotls"))
        range = &library;
    for (int i = 0; range && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];

        if (part->p_type == PT_LOAD)
            *range = (struct range){object->dlpi_addr, object->dlpi_addr + part->p_vaddr + part->p_memsz};
    }
    return 0;
}

/* Counts this call. True if it is the one that fails. */
static int is_the_one(enum what what)
{
    return atomic_fetch_add(&counts->of[what], 1) + 1 == number && (int)what == chosen;
}

static int allocation_fails(const void *caller)
{
    return !is_in(&seccomp, caller) && (!library.end || is_in(&library, caller)) && is_the_one(MALLOC);
}

__attribute__((constructor)) static void start(void)
{
    static const char *const names[WHATS] = {"malloc", "recv", "send", "read"};
    const char *const wanted = getenv("FAULTY");
    char name[16], path[256];
    struct counts *shared;
    int fd;

    if (!wanted || sscanf(wanted, "%15s %ju %255s", name, &number, path) != 3)
        return;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *shared) != 0)
        abort();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        abort();
    close(fd);
    for (int what = 0; what < WHATS; what++)
        chosen = strcmp(name, names[what]) == 0 ? what : chosen;
    dl_iterate_phdr(note, NULL);
    counts = shared;
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

EXPORT void *malloc(size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_calloc(count, size);
}

EXPORT void *realloc(void *block, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_realloc(block, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = allocation_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

/* Makes the call through libc's syscall(), as the library wraps the other functions. */
static long kernel(long call, const long a[6])
{
    static long (*next)(long, ...);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    return next(call, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int is_tcp(int fd)
{
    int protocol = 0;
    socklen_t length = sizeof protocol;

    return kernel(SYS_getsockopt, (long[6]){fd, SOL_SOCKET, SO_PROTOCOL, (long)&protocol, (long)&length}) ==
               0 &&
           protocol == IPPROTO_TCP;
}

EXPORT ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    const int one = 1, is_short = size > 1 && is_tcp(fd) && is_the_one(RECV);
    const ssize_t n = kernel(SYS_recvfrom, (long[6]){fd, (long)buffer, is_short ? 1 : (long)size, flags});
    const int saved = errno;

    if (is_short && n > 0)
        kernel(SYS_setsockopt, (long[6]){fd, SOL_SOCKET, SO_RCVLOWAT, (long)&one, sizeof one});
    errno = saved;
    return n;
}

static ssize_t send_one(int fd, const void *byte, int flags)
{
    return kernel(SYS_sendto, (long[6]){fd, (long)byte, 1, flags});
}

EXPORT ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    if (length > 1 && is_the_one(SEND))
        return send_one(fd, bytes, flags);
    return kernel(SYS_sendto, (long[6]){fd, (long)bytes, (long)length, flags});
}

/* A message to the library with a descriptor in it is never cut (unix(7), SOCK_SEQPACKET). */
EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    for (size_t i = 0; i < message->msg_iovlen && is_tcp(fd); i++)
        if (message->msg_iov[i].iov_len > 0)
            return is_the_one(SEND) ? send_one(fd, message->msg_iov[i].iov_base, flags)
                                    : kernel(SYS_sendmsg, (long[6]){fd, (long)message, flags});
    return kernel(SYS_sendmsg, (long[6]){fd, (long)message, flags});
}

EXPORT long syscall(long call, ...)
{
    long a[6];
    va_list arguments;

    va_start(arguments, call);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (call == SYS_read && a[2] > 1 && is_the_one(READ))
        a[2] = 1;
    return kernel(call, a);
}
