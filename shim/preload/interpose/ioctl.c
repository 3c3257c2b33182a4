/*
 * ioctl(2): reports how much of what the program wrote has not reached the server. The pair knows only what
 * the relay has not read, and one byte stays unread for good. Any other request costs nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "preload/descriptor/identity.h"
#include "preload/libc/real.h"
#include "preload/relay/relay_query.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

#ifndef SIOCOUTQ
#    define SIOCOUTQ TIOCOUTQ /* linux/sockios.h, which musl installations may lack */
#endif
#ifndef SIOCOUTQNSD
#    define SIOCOUTQNSD 0x894B
#endif

static int report_unsent(int fd, const struct identity *id, int request, void *to)
{
    const int before = errno;
    int unsent = 0;
    socklen_t length = sizeof unsent;
    int error = relay_query_get_option(fd, id, WIRE_LEVEL_IOCTL, request, &unsent, &length);

    if (error == ESHUTDOWN) { /* the relay is gone: nothing will be sent */
        unsent = 0;
        error = 0;
    }
    if (error == 0 && !memory_write(to, &unsent, sizeof unsent))
        error = EFAULT;
    errno = error == 0 ? before : error;
    return error == 0 ? 0 : -1;
}

EXPORTED int ioctl(int fd, ioctl_request request, ...)
{
    struct identity id;
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if ((request == SIOCOUTQ || request == SIOCOUTQNSD) && identity_of(fd, &id))
        return report_unsent(fd, &id, (int)request, argument);
    return real.ioctl(fd, request, argument);
}

/* For 32-bit programs with a 64-bit time_t. In libc too it is the same function. */
EXPORTED int __ioctl_time64(int fd, ioctl_request request, ...);
EXPORTED int __ioctl_time64(int fd, ioctl_request request, ...)
{
    va_list list;
    void *argument;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    return ioctl(fd, request, argument);
}
