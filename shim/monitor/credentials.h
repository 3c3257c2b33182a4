/*
 * Whose rights a file is opened with: those that the program had when it asked, as the kernel tells, and not
 * those that it had when its relay was started. What it has given up since (a user, a group, a capability) is
 * given up for its files too.
 */
#ifndef RETROTLS_MONITOR_CREDENTIALS_H
#define RETROTLS_MONITOR_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct credentials {
    uid_t user;
    gid_t group;
    uint64_t capabilities; /* effective, by number; none where it is not known */
    size_t count;
    gid_t groups[]; /* supplementary */
};

/* To be called once, before anything else here: what this process has. False without memory. */
bool credentials_note_own(void);

/*
 * Of the process that has connected to `connection` (SO_PEERCRED, SO_PEERGROUPS; capabilities by
 * /proc/PID/status). To be freed. NULL with errno where the kernel does not tell, or for want of descriptors
 * or memory.
 */
struct credentials *credentials_of_peer(int connection);
/* This process's own. To be freed; NULL without memory. */
struct credentials *credentials_own(void);

bool credentials_are_same(const struct credentials *one, const struct credentials *other);

/*
 * Opens files, and does what else asks for rights, with `c` until credentials_return(). For a process of one
 * thread. False with errno where this process cannot take them on, and nothing has changed.
 */
bool credentials_take_on(const struct credentials *c);
void credentials_return(void);

#endif
