/* Which epoll sets hold a socket's numbers, from /proc/self/fdinfo (proc(5)). */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_EPOLL_SETS_H
#define RETROTLS_PRELOAD_DESCRIPTOR_EPOLL_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registration {
    int set;    /* epoll descriptor */
    int number; /* registered in it */
    uint32_t events;
    uint64_t data;
    uint64_t inode; /* of the file; 0: not told (before Linux 4.14) */
};

struct registrations {
    struct registration *item;
    size_t count, limit;
};

/* Whether `fd` is an epoll set; true too where that cannot be told: a sandbox may forbid readlinkat(2). */
bool epoll_set_is(int fd);

/*
 * Adds to `found` each registration in the epoll set `set` of one of `numbers` of the file `inode`. False
 * with errno set where the set cannot be read or `found` is full; ENOSYS: the kernel does not tell
 * (Linux 3.8).
 */
bool epoll_set_read(int set, uint64_t inode, const int *numbers, size_t count, struct registrations *found);

/*
 * Reads one line of fdinfo: "tfd: 5 events: 19 data: 5  pos:0 ino:7a1b sdev:8", hex but for the first and
 * `pos`. False: another line.
 */
bool epoll_read_line(const char *line, const char *end, struct registration *r);

bool epoll_delete(const struct registration *r);
bool epoll_add(const struct registration *r);

#endif
