/*
 * connect(2). If the policy guards the destination, guarded_connect() makes the connection. Anything else
 * goes to the kernel.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/policy.h"
#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/guard/guardable.h"
#include "preload/guard/guarded_connect.h"
#include "preload/guard/reconnect.h"
#include "preload/libc/real.h"
#include "preload/names/names.h"
#include "preload/process/config.h"
#include "preload/sys/exempt.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

static inline bool policy_has_no_say(const struct sockaddr *address, socklen_t length);
static int failed_in_kernel(int fd, const struct sockaddr *address, socklen_t length, int before);
static int connect_by_policy(int fd, const struct sockaddr *address, socklen_t length);
static int connect_by_kernel(int fd, const struct sockaddr *address, socklen_t length, bool inet);
static int reconnect_if_switched(int fd, const struct sockaddr *address, socklen_t length, int before,
                                 int result);
static int connect_by_us(int fd, const struct sockaddr_storage *address, socklen_t length,
                         const struct wire_address *asked, const void *frame);

EXPORTED TOGETHER int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int before;

    if (!policy_has_no_say(address, length))
        return connect_by_policy(fd, address, length);
    before = errno;
    if (real.connect(fd, address, length) != 0)
        return failed_in_kernel(fd, address, length, before);
    if (!fd_state_is_plain(fd))
        fd_state_set(fd, FD_STATE_PLAIN);
    return 0;
}

EXPORTED TOGETHER int __connect(int fd, const struct sockaddr *address, socklen_t length)
    __attribute__((alias("connect")));

/*
 * Reads the address in place: asking the kernel whether it can be read would make every connect() a seventh
 * slower. We leave only addresses where no program can have memory to the kernel.
 */
static inline bool policy_has_no_say(const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in in; /* IPv6 has its port at the same place */

    if (!memory_is_plausible(address) || length < sizeof in || length > sizeof(struct sockaddr_in6))
        return false;
    memcpy(&in, address, sizeof in);
    return (in.sin_family == AF_INET ||
            (in.sin_family == AF_INET6 && length == sizeof(struct sockaddr_in6))) &&
           config_leaves_alone(ntohs(in.sin_port)) && !names_is_port_of_dns(ntohs(in.sin_port));
}

APART static int failed_in_kernel(int fd, const struct sockaddr *address, socklen_t length, int before)
{
    return reconnect_if_switched(fd, address, length, before, note_unguarded(fd, -1));
}

APART static int connect_by_policy(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_storage copy;
    struct wire_address asked;
    bool inet;

    inet = length <= sizeof copy && memory_is_plausible(address) && address_read(&asked, address, length);
    if (is_exempt())
        return real.connect(fd, address, length);
    if (inet)
        names_note_port(asked.port);
    if (!inet || !guardable_port(asked.port))
        return connect_by_kernel(fd, address, length, inet);
    /* Copy it, so that nobody can change it between the policy's decision and the connection. */
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address, length);
    if (!address_read(&asked, &copy, length))
        return real.connect(fd, (const struct sockaddr *)&copy, length);
    return connect_by_us(fd, &copy, length, &asked, __builtin_frame_address(0));
}

/* Connects to a destination that no policy guards. `inet`: a policy could guard addresses of this kind. */
static int connect_by_kernel(int fd, const struct sockaddr *address, socklen_t length, bool inet)
{
    const int before = errno;
    int result = real.connect(fd, address, length);

    if (inet)
        result = note_unguarded(fd, result);
    return reconnect_if_switched(fd, address, length, before, result);
}

/* True for a switched descriptor: a UNIX socket refuses an address of another family with EINVAL. */
static bool is_switched(int fd, struct identity *id)
{
    return errno == EINVAL && identity_of(fd, id);
}

/* Even if no policy guards the destination, the descriptor may be a switched one. */
static int reconnect_if_switched(int fd, const struct sockaddr *address, socklen_t length, int before,
                                 int result)
{
    struct identity id;

    if (result == 0 || !is_switched(fd, &id) || length < sizeof address->sa_family)
        return result;
    if (address->sa_family == AF_UNSPEC)
        result = reconnect_dissolve(fd, &id);
    else if (!reconnect(fd, &id, &result))
        result = real.connect(fd, address, length);
    if (result == 0)
        errno = before;
    return result;
}

static int connect_by_us(int fd, const struct sockaddr_storage *address, socklen_t length,
                         const struct wire_address *asked, const void *frame)
{
    const int before = errno;
    struct identity id;
    int result;

    /* If another thread has connected it meanwhile, that counts. */
    while (!identity_of(fd, &id) || !reconnect(fd, &id, &result)) {
        errno = before;
        if (!guardable_socket(fd, asked->family))
            return real.connect(fd, (const struct sockaddr *)address, length);
        if (guarded_connect(fd, address, length, asked, frame, &result))
            return result;
    }
    if (result == 0)
        errno = before;
    return result;
}
