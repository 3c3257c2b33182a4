/* The system calls that the relay is left with: seccomp(2), by libseccomp. */
#ifndef RETROTLS_RELAY_SANDBOX_SECCOMP_H
#define RETROTLS_RELAY_SANDBOX_SECCOMP_H

/*
 * From here on, for this thread and all that it starts, what is not on the list fails with EPERM, and running
 * another program or tracing ends the process. Needs no_new_privs. 0, or an errno: ENOSYS or EINVAL where the
 * kernel has no seccomp filters, and nothing has changed.
 */
int seccomp_shut(void);

#endif
