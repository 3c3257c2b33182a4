/* Finds the epoll sets that hold a socket's numbers, from /proc/self/fdinfo (proc(5)). */
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
    uint64_t inode; /* of the file; 0: not shown (before Linux 4.14) */
};

struct registrations {
    struct registration *item;
    size_t count, limit;
};

/* True if `fd` is an epoll set, or if we cannot tell: a sandbox may forbid readlinkat(2). */
bool epoll_set_is(int fd);

/*
 * Adds to `found` each registration in the epoll set `set` of one of `numbers` that stands for the file
 * `inode`. Returns false with errno set if the set cannot be read or `found` is full; ENOSYS if the kernel
 * does not show registrations (it does since Linux 3.8).
 */
bool epoll_set_read(int set, uint64_t inode, const int *numbers, size_t count, struct registrations *found);

/*
 * Reads one line of fdinfo: "tfd: 5 events: 19 data: 5  pos:0 ino:7a1b sdev:8", in hex except for the first
 * number and `pos`. Returns false for any other line.
 */
bool epoll_read_line(const char *line, const char *end, struct registration *r);

bool epoll_delete(const struct registration *r);
bool epoll_add(const struct registration *r);

#endif
