/* The system calls that are left to the relay: seccomp(2), with libseccomp. */
#ifndef RETROTLS_RELAY_SANDBOX_SECCOMP_H
#define RETROTLS_RELAY_SANDBOX_SECCOMP_H

/*
 * From here on, for this thread and all that it starts, calls that are not on the list fail with EPERM, and
 * running another program or tracing ends the process. Needs no_new_privs. Returns 0 or an errno: with ENOSYS
 * or EINVAL the kernel has no seccomp filters, and nothing has changed.
 */
int seccomp_shut(void);

#endif
