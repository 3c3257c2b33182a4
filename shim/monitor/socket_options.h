/* The TCP socket options that a program may have the relay set. The system call filter allows no others. */
#ifndef RETROTLS_MONITOR_SOCKET_OPTIONS_H
#define RETROTLS_MONITOR_SOCKET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct option_range {
    int level, first, last;
};

bool socket_option_may_be_set(int level, int name);
/* True for those, and for some that can only be read. */
bool socket_option_may_be_read(int level, int name);

/* Returns the ranges of options that may be set, `*count` of them. */
const struct option_range *socket_options_settable(size_t *count);

/*
 * setsockopt(2) by its own system call. glibc on i386 and s390x makes it through socketcall(2), which the
 * filters do not allow for options, because its arguments lie in memory. Sets errno as setsockopt(2) does.
 */
int socket_option_set(int fd, int level, int name, const void *value, socklen_t length);

#endif
