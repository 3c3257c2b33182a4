#include "monitor/socket_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/call_mark.h"

/*
 * The options by their numbers in include/uapi (a libc may know fewer). We leave out options whose value is a
 * pointer into the caller's memory or names one of its descriptors (SO_ATTACH_FILTER, TCP_ZEROCOPY_RECEIVE,
 * netfilter's), and all that are newer than these lists. Options that would change the stream itself
 * (TCP_ULP, TCP_REPAIR, IPV6_ADDRFORM) can only be read.
 */
static const struct option_range allowed[] = {
    {SOL_SOCKET, 0, 25},   /* to SO_BINDTODEVICE */
    {SOL_SOCKET, 28, 41},  /* SO_PEERNAME to SO_WIFI_STATUS */
    {SOL_SOCKET, 43, 43},  /* SO_NOFCS */
    {SOL_SOCKET, 45, 49},  /* SO_SELECT_ERR_QUEUE to SO_INCOMING_CPU */
    {SOL_SOCKET, 53, 84},  /* SO_CNX_ADVICE to SO_INQ */
    {IPPROTO_TCP, 0, 18},  /* to TCP_USER_TIMEOUT */
    {IPPROTO_TCP, 23, 30}, /* TCP_FASTOPEN to TCP_FASTOPEN_CONNECT */
    {IPPROTO_TCP, 32, 34}, /* TCP_MD5SIG_EXT to TCP_FASTOPEN_NO_COOKIE */
    {IPPROTO_TCP, 36, 46}, /* TCP_INQ to TCP_DELACK_MAX_US */
    {IPPROTO_IP, 0, 63},   /* all but netfilter's */
    {IPPROTO_IPV6, 0, 0},  /* all but netfilter's, and IPV6_ADDRFORM */
    {IPPROTO_IPV6, 2, 63}, {IPPROTO_IPV6, 70, 82},
};

static const struct option_range readable[] = {
    {IPPROTO_TCP, 19, 22}, /* TCP_REPAIR and its like */
    {IPPROTO_TCP, 31, 31}, /* TCP_ULP */
    {IPPROTO_IPV6, 1, 1},  /* IPV6_ADDRFORM */
};

static bool is_in(const struct option_range *ranges, size_t count, int level, int name)
{
    for (size_t i = 0; i < count; i++) {
        if (level == ranges[i].level && name >= ranges[i].first && name <= ranges[i].last)
            return true;
    }
    return false;
}

bool socket_option_may_be_set(int level, int name)
{
    return is_in(allowed, sizeof allowed / sizeof *allowed, level, name);
}

bool socket_option_may_be_read(int level, int name)
{
    return socket_option_may_be_set(level, name) ||
           is_in(readable, sizeof readable / sizeof *readable, level, name);
}

const struct option_range *socket_options_settable(size_t *count)
{
    *count = sizeof allowed / sizeof *allowed;
    return allowed;
}

int socket_option_set(int fd, int level, int name, const void *value, socklen_t length)
{
#ifdef SYS_setsockopt
    const long result = syscall(SYS_setsockopt, CALL_MARKED(fd), level, name, value, length, CALL_SIXTH);

    if (result == 0 || errno != ENOSYS)
        return (int)result;
#endif
    return setsockopt(fd, level, name, value, length); /* i386 and s390x before Linux 4.3 */
}
