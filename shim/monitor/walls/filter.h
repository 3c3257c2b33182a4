/*
 * What the system call filters of the relay's two processes have in common: seccomp(2), by libseccomp. Each
 * rule: false without memory.
 */
#ifndef RETROTLS_MONITOR_WALLS_FILTER_H
#define RETROTLS_MONITOR_WALLS_FILTER_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is done with who runs a program or traces one. */
uint32_t filter_ending(void);

struct scmp_arg_cmp filter_equals(unsigned argument, scmp_datum_t value);
struct scmp_arg_cmp filter_has_bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value);

bool filter_allow_all(scmp_filter_ctx filter, const int *calls, size_t count);
bool filter_allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp what);
/* setsockopt(2) for what a program may set (socket_options.h), and for one more. */
bool filter_allow_options(scmp_filter_ctx filter);
bool filter_allow_option(scmp_filter_ctx filter, int level, int name);
/* No code but what it was started with: it is linked with -z now, and loads nothing later. */
bool filter_allow_memory(scmp_filter_ctx filter);
/* But for MSG_FASTOPEN, a connect(2) by another name, which Landlock does not see. */
bool filter_allow_sending(scmp_filter_ctx filter);
/* abort(3) in this very process. */
bool filter_allow_abort(scmp_filter_ctx filter);
/* Running a program or tracing one ends the process. */
bool filter_end_on_running(scmp_filter_ctx filter);

/*
 * Puts up the filter that `make` makes (NULL: without memory), for this thread and all that it starts. Needs
 * no_new_privs. 0, or an errno: ENOSYS or EINVAL where the kernel has no seccomp filters.
 */
int filter_load(scmp_filter_ctx make(void));

#endif
