/*
 * The family of a relay that was started ahead (preload/relay/relay_ahead.h). Its members may be unable to
 * start another relay, so it lives as long as one of them does, however idle it is.
 *
 * The library maps a page of a file in memory, shared and writable, and gives the relay the file. Forked
 * children inherit the mapping, and exec(2) and the end of a process remove it, so we need not hear of
 * either. As long as there is such a mapping, fcntl(2) refuses F_SEAL_WRITE with EBUSY (F_ADD_SEALS).
 */
#ifndef RETROTLS_RELAY_MEMBERS_H
#define RETROTLS_RELAY_MEMBERS_H

#include <stdbool.h>
#include <sys/types.h>

enum { MEMBERS_INTERVAL = 10000 /* ms between two looks once the owner has ended: nothing wakes us then */ };

/* Takes the file that the library gave. False if `fd` is no such file; then members_remain() is false. */
bool members_take(int fd);

/* True if somebody has the page. Never true again once it was false. */
bool members_remain(void);

/*
 * Waits until somebody connects to `listener` (true), or no member is left (false). `owner` is the process
 * that started the relay.
 */
bool members_await_first(int listener, pid_t owner);

#endif
