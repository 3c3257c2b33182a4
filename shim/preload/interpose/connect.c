/*
 * connect(2). If the policy guards the destination, guarded_connect() makes the connection. Anything else
 * goes to the kernel.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/policy.h"
#include "preload/config.h"
#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/exempt.h"
#include "preload/guard/guarded_connect.h"
#include "preload/guard/reconnect.h"
#include "preload/interpose/connect.h"
#include "preload/interpose/export.h"
#include "preload/libc/real.h"
#include "preload/sys/memory.h"
#include "preload/sys/own_code.h"

static inline bool is_left_alone(const struct sockaddr *address, socklen_t length);
static int failed_alone(int fd, const struct sockaddr *address, socklen_t length, int before);
static int connect_other(int fd, const struct sockaddr *address, socklen_t length);
static bool may_be_guarded(uint16_t port);
static int connect_unguarded(int fd, const struct sockaddr *address, socklen_t length, bool inet);
static int after_unguarded(int fd, const struct sockaddr *address, socklen_t length, int before, int result);
static int connect_perhaps_guarded(int fd, const struct sockaddr_storage *address, socklen_t length,
                                   const struct wire_address *asked, const void *frame);

EXPORTED TOGETHER int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int before;

    if (!is_left_alone(address, length))
        return connect_other(fd, address, length);
    before = errno;
    if (real.connect(fd, address, length) != 0)
        return failed_alone(fd, address, length, before);
    if (!fd_state_is_plain(fd))
        fd_state_set(fd, FD_STATE_PLAIN);
    return 0;
}

EXPORTED TOGETHER int __connect(int fd, const struct sockaddr *address, socklen_t length)
    __attribute__((alias("connect")));

/*
 * Reads the address in place: asking the kernel whether it can be read would make every connect() a seventh
 * slower. Only addresses where no program can have memory are left to the kernel.
 */
static inline bool is_left_alone(const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in in; /* IPv6 has its port at the same place */

    if (!memory_is_plausible(address) || length < sizeof in || length > sizeof(struct sockaddr_in6))
        return false;
    memcpy(&in, address, sizeof in);
    return (in.sin_family == AF_INET ||
            (in.sin_family == AF_INET6 && length == sizeof(struct sockaddr_in6))) &&
           config_leaves_alone(ntohs(in.sin_port));
}

APART static int failed_alone(int fd, const struct sockaddr *address, socklen_t length, int before)
{
    return after_unguarded(fd, address, length, before, connect_tell_watch(fd, -1));
}

APART static int connect_other(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_storage copy;
    struct wire_address asked;
    bool inet;

    inet = length <= sizeof copy && memory_is_plausible(address) && address_read(&asked, address, length);
    if (is_exempt())
        return real.connect(fd, address, length);
    if (!inet || !may_be_guarded(asked.port))
        return connect_unguarded(fd, address, length, inet);
    /* Copy it, so that nobody can change it between the policy's decision and the connection. */
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address, length);
    if (!address_read(&asked, &copy, length))
        return real.connect(fd, (const struct sockaddr *)&copy, length);
    return connect_perhaps_guarded(fd, &copy, length, &asked, __builtin_frame_address(0));
}

/* True also if the policy cannot be loaded now: a TCP socket is then not connected. Other sockets are. */
static bool may_be_guarded(uint16_t port)
{
    const int saved = errno;
    const struct policy *const policy = config_policy();

    errno = saved;
    return !policy || policy_may_guard(policy, port);
}

/* Connects to a destination that no policy guards; `inet`: it is an address of a kind that one can guard. */
static int connect_unguarded(int fd, const struct sockaddr *address, socklen_t length, bool inet)
{
    const int before = errno;
    int result = real.connect(fd, address, length);

    if (inet)
        result = connect_tell_watch(fd, result);
    return after_unguarded(fd, address, length, before, result);
}

/*
 * If the policy has no say, neither has the watch on read and write, unless the greeting may show a protocol
 * that the policy is about.
 */
int connect_tell_watch(int fd, int result)
{
    const int error = errno;

    /* Interrupted, timed out or nonblocking, the kernel goes on connecting. */
    if (result == 0 || error == EINPROGRESS || error == EINTR || error == EALREADY) {
        const struct policy *const policy = config_policy();

        if (policy && !policy_may_guard_by_greeting(policy))
            fd_state_set(fd, FD_STATE_PLAIN);
        else
            fd_state_forget(fd);
    }
    errno = error;
    return result;
}

/* True for a switched descriptor: a UNIX socket refuses an address of another family with EINVAL. */
static bool was_ours(int fd, struct identity *id)
{
    return errno == EINVAL && identity_of(fd, id);
}

/* Even if no policy guards the destination, the descriptor may be a switched one. */
static int after_unguarded(int fd, const struct sockaddr *address, socklen_t length, int before, int result)
{
    struct identity id;

    if (result == 0 || !was_ours(fd, &id) || length < sizeof address->sa_family)
        return result;
    if (address->sa_family == AF_UNSPEC)
        result = reconnect_dissolve(fd, &id);
    else if (!reconnect(fd, &id, &result))
        result = real.connect(fd, address, length);
    if (result == 0)
        errno = before;
    return result;
}

static int connect_perhaps_guarded(int fd, const struct sockaddr_storage *address, socklen_t length,
                                   const struct wire_address *asked, const void *frame)
{
    const int before = errno;
    struct identity id;
    int result;

    /* If another thread has connected it meanwhile, that counts. */
    while (!identity_of(fd, &id) || !reconnect(fd, &id, &result)) {
        errno = before;
        if (!guarded_connect_wants(fd, asked->family))
            return real.connect(fd, (const struct sockaddr *)address, length);
        if (guarded_connect(fd, address, length, asked, frame, &result))
            return result;
    }
    if (result == 0)
        errno = before;
    return result;
}

bool connect_is_guarded(int fd, const struct sockaddr *address, socklen_t length)
{
    const int saved = errno;
    struct sockaddr_storage copy;
    struct wire_address asked;
    const bool guarded = length <= sizeof copy && memory_read(&copy, address, length) &&
                         address_read(&asked, &copy, length) && may_be_guarded(asked.port) &&
                         guarded_connect_wants(fd, asked.family);

    errno = saved;
    return guarded;
}

/* True if another preload has a connect(), or the program has one, which then has to call ours. */
static bool is_behind;

void connect_start(void)
{
    const void *const first = dlsym(RTLD_DEFAULT, "connect");

    is_behind = first && !own_code_has(first);
    if (is_behind)
        fd_state_distrust();
}

bool connect_is_behind(void)
{
    return is_behind;
}
