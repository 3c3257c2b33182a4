/*
 * Makes descriptor numbers refer to another socket: every number of this process that refers to the same open
 * socket (dup, F_DUPFD before connect()), and each registration of one of them in an epoll set, for those
 * would go on telling about the old socket.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_SWITCH_H
#define RETROTLS_PRELOAD_DESCRIPTOR_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SWITCH_NUMBERS_LIMIT = 128,     /* numbers of one socket */
    SWITCH_SETS_NOTED = 64,         /* epoll sets of the process; where there are more, it takes longer */
    SWITCH_REGISTRATIONS_LIMIT = 64 /* in them */
};

/*
 * Gives `to` what the open socket `fd` has and a program can have set before: O_NONBLOCK, O_APPEND, O_ASYNC
 * with owner and signal, SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVLOWAT.
 */
bool switch_carry(int fd, int to);
/* SO_RCVTIMEO or SO_SNDTIMEO of `fd`, to one of them of `to`. False with errno. */
bool switch_carry_timeout(int fd, int name, int to, int to_name);

/*
 * Switches all numbers of the socket `fd`, whose SO_COOKIE is `cookie`, to `to`'s, but for the number `keep`
 * (-1: none), keeping each one's FD_CLOEXEC; `to` itself stays open.
 * False with errno set where a limit is reached, the kernel refuses, or /proc is not there and an epoll set
 * has one of them: then numbers may refer to either, and the caller must see to it that neither leads
 * anywhere. Signals must be blocked.
 */
bool switch_all(int fd, uint64_t cookie, int to, int keep);

/*
 * Makes `number` refer to what `to` refers to, with O_CLOEXEC or 0 in `flags`; tries again while another
 * thread is just opening that number (EBUSY, dup(2)). False with errno.
 */
bool switch_replace(int number, int to, int flags);

#endif
