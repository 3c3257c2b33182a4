#include "relay/race/same_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/socket_options.h"

/*
 * We leave out the buffers: TCP itself changes their sizes when a connection comes up, and then the program
 * has not set what differs.
 */
static const struct {
    int level, name;
} options[] = {
    {SOL_SOCKET, SO_KEEPALIVE},  {SOL_SOCKET, SO_LINGER},         {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PRIORITY},   {IPPROTO_TCP, TCP_NODELAY},      {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_LINGER2},  {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},        {IPPROTO_IPV6, IPV6_TCLASS},
};

void same_options(int from, int to)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct linger own = {.l_onoff = 0}, other = {.l_onoff = 0}; /* as long as two int */
        socklen_t length = sizeof own, same = sizeof other;

        if (getsockopt(from, options[i].level, options[i].name, &own, &length) == 0 &&
            getsockopt(to, options[i].level, options[i].name, &other, &same) == 0 && length == same &&
            memcmp(&own, &other, length) != 0)
            socket_option_set(to, options[i].level, options[i].name, &own, length);
    }
}
