/*
 * Runs a program as if on an older kernel, or on one that lacks something: `older_kernel WITHOUT ... --
 * program arguments`. WITHOUT is linux-VERSION, from kernel.c, or landlock (not compiled in: ENOSYS),
 * landlock-off (disabled at boot: EOPNOTSUPP), seccomp, seccomp-denied (by whoever started it: EPERM),
 * kill-process (the filter action, before 4.14), close-range (before 5.9), pidfd (before 5.3) or quiet-clone
 * (a clone() without an exit signal, as under qemu-user). Everything that the program starts inherits a
 * filter of system calls.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel.h"

static int lack(scmp_filter_ctx filter, const char *what)
{
    const struct scmp_arg_cmp set = SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP);
    const struct scmp_arg_cmp get = SCMP_A0(SCMP_CMP_EQ, PR_GET_SECCOMP);
    const struct scmp_arg_cmp quiet = SCMP_A0(SCMP_CMP_MASKED_EQ, CSIGNAL | CLONE_THREAD, 0);
    const struct scmp_arg_cmp ask = SCMP_A0(SCMP_CMP_EQ, SECCOMP_GET_ACTION_AVAIL);

    if (strcmp(what, "kill-process") == 0)
        return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 1, &ask);
    if (strcmp(what, "landlock") == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0);
    if (strcmp(what, "landlock-off") == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EOPNOTSUPP), SCMP_SYS(landlock_create_ruleset), 0);
    if (strcmp(what, "close-range") == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), 0);
    if (strcmp(what, "pidfd") == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(pidfd_open), 0);
    if (strcmp(what, "quiet-clone") == 0)
        return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(clone), 1, &quiet);
    if (strcmp(what, "seccomp") == 0) {
        const int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0);

        return failed || seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &set) ||
               seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &get);
    }
    if (strcmp(what, "seccomp-denied") == 0) {
        const int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);

        return failed || seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &set);
    }
    return -1;
}

int main(int argc, char **argv)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const struct kernel *kernel = NULL;
    int at = 1;

    for (; filter && at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (kernel_named(argv[at])) {
            kernel = kernel_named(argv[at]);
        } else if (lack(filter, argv[at]) != 0) {
            fprintf(stderr, "older_kernel: cannot be without %s\n", argv[at]);
            return 2;
        }
    }
    if (!filter || at + 1 >= argc || (!kernel && seccomp_load(filter) != 0))
        return 2;
    seccomp_release(filter);
    if (kernel && !kernel_enter(kernel))
        return 2;
    execvp(argv[at + 1], argv + at + 1);
    perror(argv[at + 1]);
    return 127;
}
