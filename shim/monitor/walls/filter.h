/*
 * The parts that the system call filters of the relay's two processes share: seccomp(2), by libseccomp. Each
 * function that adds rules returns false if there is no memory.
 */
#ifndef RETROTLS_MONITOR_WALLS_FILTER_H
#define RETROTLS_MONITOR_WALLS_FILTER_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The action against running a program or tracing one. */
uint32_t filter_ending(void);

struct scmp_arg_cmp filter_equals(unsigned argument, scmp_datum_t value);
struct scmp_arg_cmp filter_has_bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value);

bool filter_allow_all(scmp_filter_ctx filter, const int *calls, size_t count);
bool filter_allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp what);
/* Allows setsockopt(2) for the options that a program may set (socket_options.h), and for one more. */
bool filter_allow_options(scmp_filter_ctx filter);
bool filter_allow_option(scmp_filter_ctx filter, int level, int name);
/* Allows memory calls, but no new code: the program is linked with -z now, and loads nothing later. */
bool filter_allow_memory(scmp_filter_ctx filter);
/* Allows sending without MSG_FASTOPEN, which is a connect(2) that Landlock does not see. */
bool filter_allow_sending(scmp_filter_ctx filter);
/* Allows abort(3) in this process. */
bool filter_allow_abort(scmp_filter_ctx filter);
/* Makes running a program or tracing one end the process. */
bool filter_end_on_running(scmp_filter_ctx filter);

/*
 * Installs the filter that `make` returns (NULL: no memory) for this thread and all threads it starts. Needs
 * no_new_privs. Returns 0, or an errno: ENOSYS or EINVAL if the kernel has no seccomp filters.
 */
int filter_load(scmp_filter_ctx make(void));

#endif
