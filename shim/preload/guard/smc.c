#include "preload/guard/smc.h"

#include <sys/socket.h>

#include "preload/sys/sys.h"

/* include/linux/socket.h, net/smc/smc.h, include/uapi/linux/in.h (Linux 6.11): older headers lack them. */
enum { FAMILY_SMC = 43, SMC_OVER_IPV4 = 0, SMC_OVER_IPV6 = 1, PROTOCOL_SMC = 256 };

bool smc_is(int fd, int protocol)
{
    if (protocol == PROTOCOL_SMC)
        return true;
    /* IPPROTO_ICMP is 1 as well, and a UNIX socket's protocol is 0. */
    return (protocol == SMC_OVER_IPV4 || protocol == SMC_OVER_IPV6) &&
           sys_option(fd, SOL_SOCKET, SO_DOMAIN, -1) == FAMILY_SMC;
}
