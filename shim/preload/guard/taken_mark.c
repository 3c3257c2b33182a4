#include "preload/guard/taken_mark.h"

#include <sys/socket.h>

#include "preload/sys/sys.h"

#ifndef SO_RXQ_OVFL
#    define SO_RXQ_OVFL 40
#endif

bool taken_mark_is_set(int fd)
{
    return sys_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 0) != 0;
}

void taken_mark_set(int fd, bool on)
{
    const int value = on;

    sys_setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &value, sizeof value);
}
