/*
 * We start two processes: first an intermediate one, then the relay. So init adopts the relay, and it is not
 * the program's child. clone(2) makes both with CLONE_VM and CLONE_VFORK on stacks of their own: this does
 * not copy the program's page tables, which may be huge. They have no exit signal, so that only a wait with
 * __WCLONE finds the intermediate one. Until exec, they run in the program's memory: they call the kernel
 * directly and touch only `struct start`.
 */
#include "preload/relay/relay_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/relay/clone.h"
#include "preload/sys/sys.h"

#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

enum { LISTENER = 3, MEMBERS = 4, STACK_SIZE = 32768, SIGNALS = 64 };

/* In shared memory, so that the error comes back from a real fork too. */
struct start {
    const char *path;
    char *const *environment;
    int listener, members; /* `members`: -1 if there is none */
    _Atomic int error;     /* 0 until something has failed */
    _Alignas(16) char intermediate_stack[STACK_SIZE];
    _Alignas(16) char relay_stack[STACK_SIZE];
};

static _Noreturn void leave(int status)
{
    for (;;)
        sys_call(SYS_exit_group, status);
}

static void reset_signals(void)
{
    /* The kernel's struct sigaction, all zero (SIG_DFL): at most 32 bytes on any machine. */
    const char initial[64] = {0};
    const sys_signals none = {0};

    for (int number = 1; number <= SIGNALS; number++)
        sys_call(SYS_rt_sigaction, number, initial, NULL, sizeof(sys_signals));
    sys_signals_restore(none);
}

static void close_one_by_one(unsigned first, unsigned last)
{
    struct {
        uint64_t soft, hard;
    } limit = {.soft = 1024};

    /* We miss descriptors above a limit that was lowered later; kernels before 5.9 do not tell us more. */
    sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    for (unsigned fd = first; fd <= last && fd < limit.soft; fd++)
        sys_close((int)fd);
}

static void close_from_to(unsigned first, unsigned last)
{
    if (first <= last && sys_call(SYS_close_range, first, last, 0) != 0)
        close_one_by_one(first, last);
}

/* Closes all but these two; `high` may be -1. */
static void close_all_but(int low, int high)
{
    if (low > 0)
        close_from_to(0, (unsigned)low - 1);
    if (high >= 0)
        close_from_to((unsigned)low + 1, (unsigned)high - 1);
    close_from_to((unsigned)(high >= 0 ? high : low) + 1, UINT32_MAX);
}

/* Gives the descriptor this number, and not close-on-exec. */
static bool renumber(int fd, int number)
{
    if (fd == number)
        return sys_fcntl(fd, F_SETFD, 0) == 0;
    if (sys_dup3(fd, number, 0) < 0)
        return false;
    sys_close(fd);
    return true;
}

static bool arrange_given(int listener, int members)
{
    if (members == LISTENER) {
        members = sys_fcntl(members, F_DUPFD, LISTENER + 2);
        if (members < 0)
            return false;
    }
    return renumber(listener, LISTENER) && (members < 0 || renumber(members, MEMBERS));
}

/* Close everything before opening anything: the program may have reached its limit. */
static bool arrange_descriptors(int listener, int members)
{
    int null;

    if (members >= 0 && members < listener)
        close_all_but(members, listener);
    else
        close_all_but(listener, members);
    if (!arrange_given(listener, members))
        return false;
    null = (int)sys_call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (null < 0) { /* a bare chroot: a socket that leads nowhere */
        null = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
        sys_fcntl(null, F_SETFD, 0);
    }
    if (null < 0)
        return false;
    /* `null` is the lowest free number: 0. */
    return sys_dup3(null, 1, 0) == 1 && sys_dup3(null, 2, 0) == 2;
}

/* A sanitizer's notes on the frame of a function that never returns would outlive its stack. */
#define NEVER_RETURNS __attribute__((no_sanitize_address))

NEVER_RETURNS static int become_relay(void *argument)
{
    static char name[] = "retrotls-relay";
    struct start *const start = argument;
    char *const arguments[] = {name, NULL};

    sys_call(SYS_setsid);
    if (sys_call(SYS_chdir, "/") == 0 && arrange_descriptors(start->listener, start->members)) {
        reset_signals();
        sys_call(SYS_execve, start->path, arguments, start->environment);
    }
    atomic_store(&start->error, errno);
    leave(127);
}

NEVER_RETURNS static int intermediate(void *argument)
{
    struct start *const start = argument;

    if (clone_on_stack(become_relay, start->relay_stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, start) < 0)
        atomic_store(&start->error, errno);
    leave(0);
}

/*
 * For kernels whose clone() demands an exit signal (qemu-user): forks twice, by the raw system call, so that
 * no pthread_atfork() handler of the program runs. Takes back the SIGCHLD that this raises.
 */
static int fork_twice(struct start *start)
{
    const uint64_t chld = UINT64_C(1) << (SIGCHLD - 1);
    const struct {
        long seconds, nanoseconds;
    } at_once = {0, 0};
    uint64_t pending = 0;
    long child;

    sys_call(SYS_rt_sigpending, &pending, sizeof pending);
    child = clone_as_fork();
    if (child == 0) {
        child = clone_as_fork();
        if (child == 0)
            become_relay(start);
        if (child < 0)
            atomic_store(&start->error, errno);
        leave(0);
    }
    if (child < 0)
        return errno;
    sys_call(SYS_wait4, child, NULL, 0, NULL);
    if (!(pending & chld))
        sys_call(SYS_rt_sigtimedwait, &chld, NULL, &at_once, sizeof chld);
    return 0;
}

static int start_both(struct start *start)
{
    const int child =
        clone_on_stack(intermediate, start->intermediate_stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, start);

    if (child < 0 && errno == EINVAL)
        return fork_twice(start);
    if (child < 0)
        return errno;
    /* ECHILD: another thread's wait with __WALL was faster, or SIGCHLD is ignored. */
    while (sys_call(SYS_wait4, child, NULL, __WCLONE, NULL) < 0 && errno == EINTR)
        ;
    return 0;
}

int spawn_relay(const char *path, char *const environment[], int listener, int members)
{
    int subreaper = 0;
    int error;
    struct start *const start =
        mmap(NULL, sizeof *start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED)
        return errno;
    start->path = path;
    start->environment = environment;
    start->listener = listener;
    start->members = members;
    /* If the program is a subreaper, it would get the orphaned relay as its own child. */
    if (sys_call(SYS_prctl, PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper)
        sys_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    error = start_both(start);
    if (subreaper)
        sys_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (error == 0)
        error = atomic_load(&start->error);
    munmap(start, sizeof *start);
    return error;
}
