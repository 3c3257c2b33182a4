/*
 * Filters for system calls, seccomp(2), for the relay's two processes and for supervised programs. We write
 * the classic BPF program ourselves: libseccomp would need milliseconds and 80 KiB for that at each start.
 *
 * Each rule allows something more; a call that no rule names gets the filter's default. A filter only grows.
 * If it has run out of room, filter_load() refuses it.
 */
#ifndef RETROTLS_MONITOR_WALLS_FILTER_H
#define RETROTLS_MONITOR_WALLS_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_LIMIT = 512 }; /* instructions; the kernel takes 4096 (BPF_MAXINSNS) */

struct filter {
    uint32_t otherwise, ending;
    size_t length;
    bool overflow;
    struct sock_filter code[FILTER_LIMIT];
};

/* What one argument of a call must be. Arguments are counted from 0. */
struct filter_condition {
    unsigned argument;
    enum { FILTER_EQUALS, FILTER_BITS, FILTER_RANGE, FILTER_UPPER_HALF } test;
    uint64_t one;
    uint32_t other;
};

/* The whole argument, all 64 bits, is `value`. */
struct filter_condition filter_equals(unsigned argument, uint64_t value);
/* For arguments that the kernel takes for an int: the bits of `mask` have that value. */
struct filter_condition filter_has_bits(unsigned argument, uint32_t mask, uint32_t value);
/* The upper half, which the kernel ignores if it takes the argument for an int, has that value. */
struct filter_condition filter_has_upper_half(unsigned argument, uint32_t value);
/* The argument, as an unsigned int: first <= argument <= last. */
struct filter_condition filter_in_range(unsigned argument, uint32_t first, uint32_t last);

/* Starts a filter. A call that no rule names fails with EPERM; if `lenient`, it is allowed. */
void filter_start(struct filter *filter, bool lenient);

/*
 * Starts a filter that notifies a supervisor (seccomp_unotify(2)), and allows calls that no rule names. The
 * first rule that fits counts. All x32 calls fail with ENOSYS; so do those i386 calls that may connect or
 * send to an address, because no rule can see their arguments.
 */
void filter_start_notifying(struct filter *filter);

/* Calls are SYS_..., or FILTER_NO_CALL, which adds no rule (calls.h). */
void filter_allow_all(struct filter *filter, const int *calls, size_t count);
void filter_allow_if(struct filter *filter, int call, struct filter_condition what);
void filter_allow_if_both(struct filter *filter, int call, struct filter_condition one,
                          struct filter_condition other);
/* Makes a call fail with `error`. */
void filter_refuse(struct filter *filter, int call, int error);
void filter_refuse_if(struct filter *filter, int call, int error, struct filter_condition what);
/* Makes a call wait for the supervisor's answer. */
void filter_notify(struct filter *filter, int call);
void filter_notify_if(struct filter *filter, int call, struct filter_condition what);

/* Allows setsockopt(2) with the options that a program may set (socket_options.h), and one more. */
void filter_allow_options(struct filter *filter);
void filter_allow_option(struct filter *filter, int level, int name);
/*
 * Allows memory calls, but no new code: the program is linked with -z now, and loads nothing later. On s390x,
 * mmap(2) has its arguments in memory, where no filter can see them, so only mprotect(2) is prevented from
 * adding code.
 */
void filter_allow_memory(struct filter *filter);
/* Allows starting threads, but no processes. */
void filter_allow_threads(struct filter *filter);
/* Allows sending, but not with MSG_FASTOPEN: that is a connect(2) which Landlock does not see. */
void filter_allow_sending(struct filter *filter);
/* Allows abort(3) in this process. */
void filter_allow_abort(struct filter *filter);
/* Ends the process if it tries to run a program or to trace one. */
void filter_end_on_running(struct filter *filter);

/*
 * Allows the calls of these numbers (SYS_SEND and the like, linux/net.h) where libc makes its socket calls
 * through socketcall(2): on i386 and s390x, if glibc was built for kernels before 4.3. The arguments are in
 * memory, where no filter can see them. Does nothing elsewhere.
 */
void filter_allow_socketcalls(struct filter *filter, const unsigned *numbers, size_t count);

/* Completes the filter, as filter_load() does. Returns false if there was no room for all its rules. */
bool filter_end(struct filter *filter);
/*
 * Installs the filter for this thread and all threads that it starts. Needs no_new_privs. Returns 0, or an
 * errno: ENOSYS or EINVAL if the kernel has no seccomp filters, E2BIG if the filter is incomplete.
 */
int filter_load(struct filter *filter);

/*
 * Installs a filter that notifies, and sets no_new_privs if the kernel demands it. Returns the descriptor for
 * the supervisor, close-on-exec, or -1 with errno set: EBUSY if the thread already has a filter with a
 * descriptor, EINVAL if the kernel is older than Linux 5.0. Since Linux 5.19, once the supervisor has
 * received a call, only a signal that kills can interrupt it before it is answered.
 */
int filter_load_notifying(struct filter *filter);

#endif
