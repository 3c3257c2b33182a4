/*
 * Makes descriptor numbers refer to another socket: every number of this process that refers to the same open
 * socket (dup, F_DUPFD before connect()), and each registration of one of them in an epoll set, which would
 * otherwise go on reporting the old socket.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_SWITCH_H
#define RETROTLS_PRELOAD_DESCRIPTOR_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SWITCH_NUMBERS_LIMIT = 128,     /* numbers of one socket */
    SWITCH_SETS_NOTED = 64,         /* epoll sets of the process; with more of them it takes longer */
    SWITCH_REGISTRATIONS_LIMIT = 64 /* in them */
};

/*
 * Copies to `to` what the program can have set on the open socket `fd`: O_NONBLOCK, O_APPEND, O_ASYNC with
 * owner and signal, SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVLOWAT. Returns false with errno set.
 */
bool switch_carry(int fd, int to);
/*
 * Copies the timeout `name` of `fd`, SO_RCVTIMEO or SO_SNDTIMEO, to the timeout `to_name` of `to`. Returns
 * false with errno set.
 */
bool switch_carry_timeout(int fd, int name, int to, int to_name);

/*
 * Makes all numbers of the socket `fd`, whose SO_COOKIE is `cookie`, refer to what `to` refers to, except for
 * the number `keep` (-1: none). Each keeps its FD_CLOEXEC; `to` itself stays open. Returns false with errno
 * set if a limit is reached, the kernel refuses, or /proc is missing and an epoll set has one of the numbers.
 * The numbers may then refer to either socket, and the caller must make sure that neither leads anywhere.
 * Signals must be blocked.
 */
bool switch_all(int fd, uint64_t cookie, int to, int keep);

/*
 * Makes `number` refer to what `to` refers to, with O_CLOEXEC or 0 in `flags`. Tries again while another
 * thread is opening that number (EBUSY, dup(2)). Returns false with errno set.
 */
bool switch_replace(int number, int to, int flags);

#endif
