#include "supervise/plain_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

#include "preload/descriptor/tcp_use.h"
#include "preload/guard/reconnect.h"
#include "preload/sys/sys.h"
#include "supervise/last_answers.h"

/* Serialises calls: one must not take another's temporary O_NONBLOCK for the program's own setting. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int plain_connect_begin(int fd, const struct sockaddr_storage *address, socklen_t length)
{
    int flags, error = 0;

    pthread_mutex_lock(&lock);
    flags = sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0 || (!(flags & O_NONBLOCK) && sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0))
        error = errno;
    else if (sys_connect(fd, address, length) != 0)
        error = errno;
    if (flags >= 0 && !(flags & O_NONBLOCK))
        sys_fcntl(fd, F_SETFL, flags);
    pthread_mutex_unlock(&lock);
    return error;
}

bool plain_connect_waits(int fd, int error)
{
    return (error == EINPROGRESS || error == EALREADY) && !(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
}

/*
 * Returns the error of a closed socket. Either its connection failed, or another thread has given it up by
 * shutdown(2) or connect(2) to AF_UNSPEC, so that the socket is unconnected again. We must not connect it
 * anew, so we ask with an address that no TCP socket can connect to (guarded_connect.c,
 * is_answered_by_kernel()).
 */
static int error_of_closed(int fd)
{
    const struct sockaddr_storage nowhere = {.ss_family = AF_UNIX};
    int error = plain_connect_begin(fd, &nowhere, sizeof(struct sockaddr_in6));

    if (error != EAFNOSUPPORT && error != EINVAL && error != EACCES && error != EPERM)
        return error;
    error = sys_option(fd, SOL_SOCKET, SO_ERROR, 0);
    return error != 0 ? error : ECONNABORTED;
}

int plain_connect_outcome(const struct call *call)
{
    int error;

    switch (tcp_state(call->fd)) {
    case TCP_SYN_SENT:
        return call->begun;
    case TCP_CLOSE:
        return error_of_closed(call->fd);
    default: /* also if the kernel does not say */
        error = plain_connect_begin(call->fd, &call->address, call->length);
        return error == EALREADY ? call->begun : error;
    }
}

void plain_connect_await(struct call *call)
{
    const int timeout = reconnect_timeout(call->fd);
    const int64_t end = sys_milliseconds() + timeout;
    uint64_t cookie = 0;
    int error;

    while ((error = plain_connect_outcome(call)) == call->begun) {
        struct pollfd set = {.fd = call->fd, .events = POLLOUT};
        const int64_t left = end - sys_milliseconds();

        if (call_is_interrupted(call))
            return;
        if (timeout >= 0 && left <= 0)
            break;
        sys_poll(&set, 1, timeout >= 0 && left < CALL_LOOK_AGAIN ? (int)left : CALL_LOOK_AGAIN);
    }
    sys_cookie(call->fd, &cookie);
    last_answer_give(call, cookie, error);
}
