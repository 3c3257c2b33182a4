/*
 * Buffers of the wrong size: a short one cuts the answer or is refused, and no byte is written beyond it.
 */
#include "options.h"

int main(void)
{
    twin_start();
    static const struct {
        int level, name;
    } asked[] = {
        {SOL_SOCKET, SO_TYPE},      {SOL_SOCKET, SO_ERROR},        {SOL_SOCKET, SO_LINGER},
        {SOL_SOCKET, SO_RCVTIMEO},  {SOL_SOCKET, SO_DOMAIN},       {SOL_SOCKET, SO_PROTOCOL},
        {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_PEERCRED},     {SOL_SOCKET, SO_BINDTODEVICE},
        {SOL_SOCKET, SO_PRIORITY},  {SOL_SOCKET, SO_MARK},         {IPPROTO_TCP, TCP_NODELAY},
        {IPPROTO_TCP, TCP_INFO},    {IPPROTO_TCP, TCP_CONGESTION}, {IPPROTO_IP, IP_TOS},
        {IPPROTO_IP, IP_TTL},       {IPPROTO_IP, IP_MTU},
    };
    static const socklen_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 16, 100, (socklen_t)-1};
    int fd = twin_connect();
    for (size_t i = 0; i < COUNT(asked); i++)
        for (size_t k = 0; k < COUNT(sizes); k++) {
            unsigned char value[128];
            memset(value, 0xa5, sizeof value);
            socklen_t size = sizes[k];
            errno = 0;
            int result = getsockopt(fd, asked[i].level, asked[i].name, value, &size);
            say("get %d %d with %d: %s, size %d", asked[i].level, asked[i].name, (int)sizes[k],
                result ? error_name(errno) : "0", (int)size);
            size_t last = sizeof value;
            while (last > 0 && value[last - 1] == 0xa5)
                last--;
            if (asked[i].name != TCP_INFO || asked[i].level != IPPROTO_TCP)
                say("  wrote %zu bytes", last);
        }
    return 0;
}
