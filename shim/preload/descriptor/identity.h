/*
 * What a switched descriptor is. The kernel's socket itself says so: we need no table of descriptors that has
 * to stay true across close, dup, fork and exec.
 *
 * The program's end of the pair is bound to an abstract UNIX address. It holds the peer and local addresses
 * that the program is to see, and the SO_COOKIE of that very socket:
 *
 *     \0retrotls/1 <peer> <local> <cookie>
 *
 * An address is 8 (IPv4) or 32 (IPv6) hex digits, then 4 for the port. The peer's may be followed by '%' and
 * its scope in hex, which is also the local address's. Once TCP's outcome is known, the relay binds its own
 * end to
 *
 *     \0retrotls/1 ok <relay> <cookie>      or      \0retrotls/1 E<errno> <relay> <cookie>
 *
 * <relay> is the random hex in the address that the relay listens on (\0retrotls/1 relay <relay>), and
 * <cookie> is that of the program's end. If somebody has taken that name already, 16 random hex digits follow
 * it. Until the relay binds its end the connection is pending. The names fit sun_path: 106 bytes after the
 * NUL.
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
    OUTCOME_FAILED,    /* `error` says why */
};

struct peer_state {
    enum outcome_state state;
    int error;
    bool relay_known;
    uint8_t relay[RELAY_NAME_SIZE];
};

/*
 * Each writes an address for bind(2) or connect(2) and returns its length, or 0 if it does not fit (a scope
 * and a cookie both beyond what a machine can have).
 */
socklen_t identity_write(struct sockaddr_un *to, const struct identity *id);
socklen_t identity_write_relay(struct sockaddr_un *to, const uint8_t relay[RELAY_NAME_SIZE]);

/* Each reads such an address of `length` bytes from the kernel; true if it matches to the last byte. */
bool identity_read(struct identity *id, const struct sockaddr_un *from, socklen_t length);
bool identity_read_peer(struct peer_state *state, uint64_t *cookie, const struct sockaddr_un *from,
                        socklen_t length);

/*
 * True if `fd` is a program's end, with its identity in `id`. The name must hold the descriptor's own cookie:
 * a stranger's socket with such a name does not count. Keeps errno.
 */
bool identity_of(int fd, struct identity *id);
/* The same for a socket whose own address we know already. */
bool identity_of_named(int fd, const struct sockaddr_un *name, socklen_t length, struct identity *id);

/* The state of the connection behind a program's end. Keeps errno. */
struct peer_state identity_outcome(int fd, const struct identity *id);

/* True if the relay has closed its end: nothing more can be received or sent. Keeps errno. */
bool identity_has_ended(int fd);

/*
 * Convert between the kernel's addresses and the wire's. An IPv4 address mapped into IPv6 stays as it is.
 * Reading returns false if the kernel would refuse the address for its family or length.
 */
bool address_read(struct wire_address *to, const void *from, socklen_t length);
socklen_t address_write(struct sockaddr_storage *to, const struct wire_address *from);
/* Returns the IPv4 address in a mapped one (RFC 4291, 2.5.5.2); any other address unchanged. */
struct wire_address address_unmapped(const struct wire_address *address);

#endif
