#include "preload/guard/program_end.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/descriptor/fd_state.h"
#include "preload/descriptor/identity.h"
#include "preload/libc/io.h"
#include "preload/libc/real.h"
#include "preload/relay/relay_query.h"
#include "preload/sys/sys.h"

enum { PIECES_LIMIT = 1024 }; /* UIO_MAXIOV: beyond it sendmsg(2) and writev(2) differ in errno */

int program_end_error(int fd, int error)
{
    struct identity id;
    struct peer_state outcome;
    int of_tcp = 0;
    socklen_t length = sizeof of_tcp;

    if (error != ECONNRESET || !identity_of(fd, &id))
        return error;
    outcome = identity_outcome(fd, &id);
    if (outcome.state == OUTCOME_FAILED)
        return outcome.error;
    /* The relay itself may have died; then a reset is the right answer. */
    return relay_query_get_option(fd, &id, SOL_SOCKET, SO_ERROR, &of_tcp, &length) == 0 && of_tcp != 0
               ? of_tcp
               : error;
}

ssize_t program_end_received(int fd, ssize_t result)
{
    if (result < 0)
        errno = program_end_error(fd, errno);
    return result;
}

/* Raises it as the kernel does, for the thread that wrote (kernel/signal.c, send_sig()). */
static void raise_sigpipe(void)
{
    siginfo_t info;

    memset(&info, 0, sizeof info);
    info.si_signo = SIGPIPE;
    info.si_code = SI_USER;
    info.si_pid = getpid();
    info.si_uid = getuid();
    sys_call(SYS_rt_tgsigqueueinfo, sys_process(), sys_thread(), SIGPIPE, &info);
}

/* Ends a send that was made with MSG_NOSIGNAL and failed; `flags` are the program's. */
static ssize_t failed(int fd, int flags)
{
    int error = errno;

    if (error == EPIPE) {
        error = sys_option(fd, SOL_SOCKET, SO_ERROR, 0);
        if (error == 0 && !(flags & MSG_NOSIGNAL))
            raise_sigpipe();
        if (error == 0)
            error = EPIPE;
    }
    errno = program_end_error(fd, error);
    return -1;
}

/*
 * True if we must use write(2): the number is no longer a socket, or a sandbox of the program's own allows
 * write(2) but not send(2). In a sandbox the program gets SIGPIPE where TCP would report an error first.
 */
static bool must_be_written(int fd, ssize_t sent)
{
    if (sent >= 0 || (errno != ENOTSOCK && errno != EPERM && errno != EACCES && errno != ENOSYS))
        return false;
    if (errno == ENOTSOCK)
        fd_state_forget(fd);
    return true;
}

ssize_t program_end_write(int fd, const void *bytes, size_t count)
{
    const int before = errno;
    const ssize_t sent = io.send(fd, bytes, count, MSG_NOSIGNAL);

    if (must_be_written(fd, sent)) {
        errno = before;
        return io.write(fd, bytes, count);
    }
    return sent < 0 ? failed(fd, 0) : sent;
}

ssize_t program_end_writev(int fd, const struct iovec *pieces, int count)
{
    const int before = errno;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces};
    ssize_t sent;

    if (count <= 0 || count > PIECES_LIMIT)
        return io.writev(fd, pieces, count);
    message.msg_iovlen = (__typeof__(message.msg_iovlen))count; /* size_t in glibc, int in musl */
    sent = real.sendmsg(fd, &message, MSG_NOSIGNAL);
    if (must_be_written(fd, sent)) {
        errno = before;
        return io.writev(fd, pieces, count);
    }
    return sent < 0 ? failed(fd, 0) : sent;
}

/* Urgent data stays in the stream: TLS has none, and a UNIX socket may lose or refuse it. */
static int flags_for(int fd, int flags)
{
    struct identity id;

    if (flags & MSG_OOB && identity_of(fd, &id))
        flags &= ~MSG_OOB;
    return flags | MSG_NOSIGNAL;
}

ssize_t program_end_send(int fd, const void *bytes, size_t count, int flags)
{
    const ssize_t sent = io.send(fd, bytes, count, flags_for(fd, flags));

    return sent < 0 ? failed(fd, flags) : sent;
}

ssize_t program_end_sendmsg(int fd, const struct msghdr *message, int flags)
{
    const ssize_t sent = real.sendmsg(fd, message, flags_for(fd, flags));

    return sent < 0 ? failed(fd, flags) : sent;
}

bool program_end_may_be_written(int fd)
{
    struct pollfd end = {.fd = fd};
    int error;

    if (sys_poll(&end, 1, 0) != 1 || !(end.revents & POLLHUP))
        return true;
    error = sys_option(fd, SOL_SOCKET, SO_ERROR, 0);
    if (error != 0)
        errno = program_end_error(fd, error);
    return error == 0;
}
