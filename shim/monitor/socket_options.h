/*
 * Which options of its TCP socket a program may have the relay set: what the system call filter allows at
 * all.
 */
#ifndef RETROTLS_MONITOR_SOCKET_OPTIONS_H
#define RETROTLS_MONITOR_SOCKET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct option_range {
    int level, first, last;
};

bool socket_option_may_be_set(int level, int name);
/* Those, and some that can only be asked for. */
bool socket_option_may_be_read(int level, int name);

/* The ranges of what may be set; `*count` of them. */
const struct option_range *socket_options_settable(size_t *count);

#endif
