/*
 * getpeername(2) and getsockname(2): a switched descriptor reports the addresses of its TCP connection. The
 * real call comes first, so any other descriptor costs nothing more.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/descriptor/identity.h"
#include "preload/libc/real.h"
#include "preload/sys/export.h"

/*
 * True if the address may be a UNIX socket's. If the buffer is too short for the family, the full length
 * decides, which the kernel reports anyway: that of a UNIX socket is longer than any IP address, or just the
 * family (an end that has no name yet).
 */
static bool may_be_ours(const struct sockaddr *address, socklen_t room, const socklen_t *length)
{
    const socklen_t family_size = sizeof address->sa_family;

    if (room < family_size)
        return *length > sizeof(struct sockaddr_in6) || *length == family_size;
    return *length >= family_size && address->sa_family == AF_UNIX;
}

/* Does as the kernel: copies as much as there is room for, and returns the full length. */
static int report(const struct wire_address *from, struct sockaddr *address, socklen_t room,
                  socklen_t *length)
{
    struct sockaddr_storage full;

    *length = address_write(&full, from);
    if (room > 0)
        memcpy(address, &full, *length < room ? *length : room);
    return 0;
}

EXPORTED int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    const socklen_t room = length ? *length : 0;
    struct identity id;

    if (real.getpeername(fd, address, length) != 0)
        return -1;
    if (!may_be_ours(address, room, length) || !identity_of(fd, &id))
        return 0;
    /* A connection that has ended both ways, or broken, has no peer either. */
    if (identity_outcome(fd, &id).state != OUTCOME_CONNECTED || identity_has_ended(fd)) {
        errno = ENOTCONN;
        return -1;
    }
    return report(&id.peer, address, room, length);
}

EXPORTED int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    const socklen_t room = length ? *length : 0;
    struct identity id;

    if (real.getsockname(fd, address, length) != 0)
        return -1;
    if (!may_be_ours(address, room, length) || !identity_of(fd, &id))
        return 0;
    return report(&id.local, address, room, length);
}
