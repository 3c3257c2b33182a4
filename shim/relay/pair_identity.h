/*
 * Which pair a descriptor is an end of: how a request proves that its sender holds the program's end of a
 * connection.
 *
 * The program's end has a cookie (wire.h), but a cookie alone proves nothing. Until Linux 5.3 each network
 * namespace counted its own (net/core/sock_diag.c, sock_gen_cookie(); commit cd48bdda4fb8 made the counter
 * global), so that anybody could make a namespace and count to a number that /proc/net/unix shows; an inode's
 * number comes round again after 2^32 files (fs/inode.c, get_next_ino()). What nobody else can have is who
 * made the pair: the kernel notes process, user and group of the caller of socketpair(2) in both ends, for
 * good, and shows them as SO_PEERCRED (unix(7); net/unix/af_unix.c, unix_socketpair()).
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

/* The pair of the relay's end, whose other end has `cookie`. False where `end` is no end of a pair. */
bool pair_identity_of_relays_end(struct pair_identity *pair, int end, uint64_t cookie);
/* The pair whose program's end `end` is. False where it is none, or has another cookie. */
bool pair_identity_of_programs_end(struct pair_identity *pair, int end, uint64_t cookie);

bool pair_identity_is(const struct pair_identity *one, const struct pair_identity *other);

#endif
