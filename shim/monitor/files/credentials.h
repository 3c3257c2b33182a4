/*
 * The rights with which we open a file: those that the program had when it asked, as the kernel reports them,
 * and not those that it had when its relay started. If it has given up a user, a group or a capability since,
 * it has given them up for its files too.
 */
#ifndef RETROTLS_MONITOR_FILES_CREDENTIALS_H
#define RETROTLS_MONITOR_FILES_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct credentials {
    uid_t user;
    gid_t group;
    uint64_t capabilities; /* effective, by number; none if unknown */
    size_t count;
    gid_t groups[]; /* supplementary */
};

/*
 * Notes what this process itself has. Call it once, before anything else here and before there are threads.
 * False if there is no memory.
 */
bool credentials_note_own(void);

/*
 * Returns the rights of the process that is connected to `connection` (SO_PEERCRED, SO_PEERGROUPS;
 * capabilities from /proc/PID/status), to be freed. Returns NULL with errno if the kernel does not report
 * them, or without descriptors or memory.
 */
struct credentials *credentials_of_peer(int connection);
/* Returns this process's own, to be freed; NULL if there is no memory. */
struct credentials *credentials_own(void);

bool credentials_are_same(const struct credentials *one, const struct credentials *other);

/*
 * Takes on the rights `c` for opening files, and for whatever else needs rights, until credentials_return().
 * Only the calling thread does: the kernel keeps credentials per thread, and we make its calls directly
 * (nptl(7)). Returns false with errno, and changes nothing, if this process cannot take them on.
 */
bool credentials_take_on(const struct credentials *c);
void credentials_return(void);

#endif
