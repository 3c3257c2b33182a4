/*
 * Setting options with values of the wrong size or at no memory.
 */
#include "options.h"

int main(void)
{
    twin_start();
    static const struct {
        int level, name;
    } set[] = {
        {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_LINGER},       {SOL_SOCKET, SO_RCVTIMEO},
        {SOL_SOCKET, SO_SNDTIMEO},  {SOL_SOCKET, SO_RCVBUF},       {SOL_SOCKET, SO_PRIORITY},
        {SOL_SOCKET, SO_TYPE},      {SOL_SOCKET, SO_ERROR},        {SOL_SOCKET, SO_BINDTODEVICE},
        {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CONGESTION}, {IPPROTO_TCP, TCP_INFO},
        {IPPROTO_IP, IP_TOS},       {IPPROTO_IP, IP_TTL},
    };
    static const socklen_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 16, 100, (socklen_t)-1};
    int fd = twin_connect();
    for (size_t i = 0; i < COUNT(set); i++) {
        unsigned char value[128] = {0};
        void *volatile nowhere = (void *)8;
        for (size_t k = 0; k < COUNT(sizes); k++) {
            errno = 0;
            int result = setsockopt(fd, set[i].level, set[i].name, value, sizes[k]);
            say("set %d %d with %d: %s", set[i].level, set[i].name, (int)sizes[k],
                result ? error_name(errno) : "0");
        }
        SAY(setsockopt(fd, set[i].level, set[i].name, nowhere, 16));
        SAY(setsockopt(fd, set[i].level, set[i].name, NULL, 4));
        socklen_t size = 16;
        SAY(getsockopt(fd, set[i].level, set[i].name, nowhere, &size));
        SAY(getsockopt(fd, set[i].level, set[i].name, value, nowhere));
    }
    return 0;
}
