/*
 * What a switched descriptor is, told by the kernel's socket itself: no table of descriptors has to be kept
 * true across close, dup, fork and exec.
 *
 * The program's end of the pair is bound to an abstract UNIX address that holds what the program is to see as
 * peer and local address and the SO_COOKIE of that very socket:
 *
 *     \0retrotls/1 <peer> <local> <cookie>
 *
 * An address is 8 (IPv4) or 32 (IPv6) hex digits and 4 of the port; the peer's may be followed by '%' and its
 * scope in hex, which is the local one's too. The relay binds its own end once TCP's outcome is known, to
 *
 *     \0retrotls/1 ok <relay> <cookie>      or      \0retrotls/1 E<errno> <relay> <cookie>
 *
 * with the random hex in the address that the relay listens on (\0retrotls/1 relay <relay>) and the cookie of
 * the program's end; where somebody has taken that name already, with 16 random hex digits behind it. Until
 * then the connection is pending. They fit sun_path: 106 bytes after the NUL.
 */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_IDENTITY_H
#define RETROTLS_PRELOAD_DESCRIPTOR_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "wire/wire.h"

enum { RELAY_NAME_SIZE = 16 }; /* random bytes */

struct identity {
    struct wire_address peer, local; /* what the program asked for and has */
    uint64_t cookie;
};

enum outcome_state {
    OUTCOME_PENDING,   /* TCP's outcome is not known yet */
    OUTCOME_CONNECTED, /* it is up, or was */
    OUTCOME_FAILED,    /* `error` tells why */
};

struct peer_state {
    enum outcome_state state;
    int error;
    bool relay_known;
    uint8_t relay[RELAY_NAME_SIZE];
};

/*
 * Each writes an address for bind(2) or connect(2) and returns its length; 0 where it does not fit (a scope
 * and a cookie both beyond what a machine can have).
 */
socklen_t identity_write(struct sockaddr_un *to, const struct identity *id);
socklen_t identity_write_relay(struct sockaddr_un *to, const uint8_t relay[RELAY_NAME_SIZE]);

/* Each reads one, of `length` bytes as the kernel gave it; false where it is no such name to the last byte.
 */
bool identity_read(struct identity *id, const struct sockaddr_un *from, socklen_t length);
bool identity_read_peer(struct peer_state *state, uint64_t *cookie, const struct sockaddr_un *from,
                        socklen_t length);

/*
 * Whether `fd` is a program's end, and which. The name must hold the descriptor's own cookie: a stranger's
 * socket that is connected from such a name is none. Keeps errno.
 */
bool identity_of(int fd, struct identity *id);
/* The same for a socket whose own address is known already. */
bool identity_of_named(int fd, const struct sockaddr_un *name, socklen_t length, struct identity *id);

/* How far the connection behind a program's end is. Keeps errno. */
struct peer_state identity_outcome(int fd, const struct identity *id);

/* Whether the relay has closed its end: nothing comes any more, and nothing goes. Keeps errno. */
bool identity_has_ended(int fd);

/*
 * Between the kernel's addresses and the wire's. An IPv4 address mapped into IPv6 stays what it is. Reading
 * gives false where the kernel would refuse the address for its family or length.
 */
bool address_read(struct wire_address *to, const void *from, socklen_t length);
socklen_t address_write(struct sockaddr_storage *to, const struct wire_address *from);
/* The IPv4 address in a mapped one (RFC 4291, 2.5.5.2); any other unchanged. */
struct wire_address address_unmapped(const struct wire_address *address);

#endif
