#include "preload/guard/guardable.h"

#include <errno.h>
#include <netinet/in.h>

#include "policy/policy.h"
#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/guard/smc.h"
#include "preload/process/config.h"
#include "preload/sys/memory.h"
#include "preload/sys/sys.h"
#include "wire/wire.h"

enum { PROTOCOL_MPTCP = 262 }; /* IPPROTO_MPTCP, Linux 5.6 */

bool guardable_port(uint16_t port)
{
    const int saved = errno;
    const struct policy *const policy = config_policy();

    errno = saved;
    return !policy || policy_may_guard(policy, port);
}

static bool may_be(int fd, int option, int value, int other)
{
    const int found = sys_option(fd, SOL_SOCKET, option, -1);

    return found == value || found == other || (found == -1 && errno != EBADF && errno != ENOTSOCK);
}

bool guardable_socket(int fd, int family)
{
    if (smc_is(fd, sys_option(fd, SOL_SOCKET, SO_PROTOCOL, -1)))
        return true;
    return may_be(fd, SO_PROTOCOL, IPPROTO_TCP, PROTOCOL_MPTCP) && may_be(fd, SO_DOMAIN, family, family) &&
           may_be(fd, SO_TYPE, SOCK_STREAM, SOCK_STREAM);
}

bool guardable(int fd, const struct sockaddr *address, socklen_t length)
{
    const int saved = errno;
    struct sockaddr_storage copy;
    struct wire_address asked;
    const bool may = length <= sizeof copy && memory_read(&copy, address, length) &&
                     address_read(&asked, &copy, length) && guardable_port(asked.port) &&
                     guardable_socket(fd, asked.family);

    errno = saved;
    return may;
}

/*
 * If the policy has no say, neither has the watch on read and write, unless the greeting may show a protocol
 * that the policy is about.
 */
int note_unguarded(int fd, int result)
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
