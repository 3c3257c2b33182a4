/*
 * Identifies the pair that a descriptor is an end of. This is how a request proves that its sender holds the
 * program's end of a connection.
 *
 * The program's end has a cookie (wire.h), but a cookie alone proves nothing. Until Linux 5.3 each network
 * namespace had its own counter (net/core/sock_diag.c, sock_gen_cookie(); commit cd48bdda4fb8 made it
 * global), so anybody could make a namespace and count up to a number seen in /proc/net/unix. An inode number
 * comes round again after 2^32 files (fs/inode.c, get_next_ino()). What nobody can forge is the maker of the
 * pair: the kernel records the process, user and group that called socketpair(2) in both ends, for good, and
 * shows them as SO_PEERCRED (unix(7); net/unix/af_unix.c, unix_socketpair()).
 */
#ifndef RETROTLS_RELAY_PAIR_IDENTITY_H
#define RETROTLS_RELAY_PAIR_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct pair_identity {
    uint64_t cookie; /* of the program's end */
    struct ucred maker;
};

/*
 * Identifies the pair by the relay's end, `end`, and by the `cookie` of the other end. Returns false if `end`
 * is not an end of a pair.
 */
bool pair_identity_of_relays_end(struct pair_identity *pair, int end, uint64_t cookie);
/*
 * Identifies the pair by the program's end, `end`. Returns false if that is not an end of a pair, or has
 * another cookie.
 */
bool pair_identity_of_programs_end(struct pair_identity *pair, int end, uint64_t cookie);

bool pair_identity_is(const struct pair_identity *one, const struct pair_identity *other);

#endif
