/* The system calls that the relay may still make: seccomp(2). */
#ifndef RETROTLS_RELAY_SANDBOX_SECCOMP_H
#define RETROTLS_RELAY_SANDBOX_SECCOMP_H

struct filter;

/* Starts a filter (monitor/walls/filter.h) and adds the rules. */
void seccomp_rules(struct filter *filter);

/*
 * From now on, calls that are not on the list fail with EPERM in this thread and all that it starts, and
 * running another program or tracing one ends the process. Needs no_new_privs. Returns 0 or an errno: ENOSYS
 * or EINVAL if the kernel has no seccomp filters; then nothing has changed.
 */
int seccomp_shut(void);

#endif
