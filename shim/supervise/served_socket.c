#include "supervise/served_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/sys.h"
#include "supervise/mirror.h"

enum {
    VALUE_LIMIT = 4096,       /* bytes of an option's value or of an address */
    PIECE_LIMIT = 128 * 1024, /* bytes that one sendto(2) sends */
};

static void finish(struct call *call, int result)
{
    call_answer(call, result, result < 0 ? errno : 0);
}

/* Writes `value`, cut at `room`, to the program's memory, and the length as the kernel would report it. */
static void give_value(struct call *call, const void *value, socklen_t length, socklen_t room, uint64_t to,
                       uint64_t length_to)
{
    if (client_write(&call->client, to, value, length < room ? length : room) &&
        client_write(&call->client, length_to, &length, sizeof length))
        call_answer(call, 0, 0);
    else
        call_answer(call, 0, EFAULT);
}

/* Reads how much room the program has for a value. Returns false if it has answered the call. */
static bool read_room(struct call *call, uint64_t from, socklen_t *room)
{
    if (!client_read(&call->client, room, from, sizeof *room)) {
        call_refuse(call, "cannot read its memory");
        return false;
    }
    if ((int)*room < 0) {
        call_answer(call, 0, EINVAL);
        return false;
    }
    return true;
}

static void serve_name(struct call *call, int (*get)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage address;
    socklen_t room, length = sizeof address;

    if (!read_room(call, call->n.argument[2], &room))
        return;
    if (get(call->fd, (struct sockaddr *)&address, &length) != 0)
        finish(call, -1);
    else
        give_value(call, &address, length, room, call->n.argument[1], call->n.argument[2]);
}

static void serve_get_option(struct call *call)
{
    uint8_t value[VALUE_LIMIT];
    socklen_t room, length;

    if (!read_room(call, call->n.argument[4], &room))
        return;
    length = room < sizeof value ? room : sizeof value;
    if (getsockopt(call->fd, (int)call->n.argument[1], (int)call->n.argument[2], value, &length) != 0)
        finish(call, -1);
    else
        give_value(call, value, length, room, call->n.argument[3], call->n.argument[4]);
}

/* The relay checks who we are. So the thread can set no option that the program may not set. */
static bool become_user_of(const struct call *call)
{
    uint32_t uid;

    if (!client_user(&call->client, &uid))
        return false;
    /* libc's setresuid(2) would change the user of all our threads. */
    return uid == geteuid() || syscall(SYS_setresuid, uid, uid, uid) == 0;
}

static void serve_set_option(struct call *call)
{
    uint8_t value[VALUE_LIMIT] = {0};
    const socklen_t length = (socklen_t)call->n.argument[4];
    const socklen_t taken = length < sizeof value ? length : sizeof value;

    if ((int)length < 0)
        call_answer(call, 0, EINVAL);
    else if (!client_read(&call->client, value, call->n.argument[3], taken))
        call_refuse(call, "cannot read its memory");
    else if (!become_user_of(call))
        call_answer(call, 0, EPERM);
    else
        finish(call, setsockopt(call->fd, (int)call->n.argument[1], (int)call->n.argument[2], value, taken));
}

/* While the connection is still pending, this brings the TCP socket back under all its numbers. */
static void serve_shutdown(struct call *call)
{
    const int number = (int)call->n.argument[0];
    struct mirror mirror;
    const bool good = mirror_make(&mirror, &call->client, call->listener, call->fd, number);
    int result, error;

    call->listener = mirror.listener;
    if (!good) {
        call_refuse(call, "cannot get its descriptors");
        return;
    }
    call->fd = number;
    result = shutdown(number, (int)call->n.argument[1]);
    error = result == 0 ? 0 : errno;
    if (!mirror_install(&mirror, &call->client, &call->n))
        error = ENETUNREACH;
    call_answer(call, 0, error);
}

static void serve_ioctl(struct call *call)
{
    int value = 0;

    if (ioctl(call->fd, (unsigned long)call->n.argument[1], &value) != 0)
        finish(call, -1);
    else if (client_write(&call->client, call->n.argument[2], &value, sizeof value))
        call_answer(call, 0, 0);
    else
        call_answer(call, 0, EFAULT);
}

/* TCP ignores the address (tcp(7)), but a UNIX socket would return EISCONN. */
static void serve_sendto(struct call *call)
{
    uint8_t bytes[PIECE_LIMIT];
    const uint64_t asked = call->n.argument[2];
    const size_t size = asked < sizeof bytes ? (size_t)asked : sizeof bytes;
    const int flags = (int)call->n.argument[3];
    const bool waits = !(flags & MSG_DONTWAIT) && !(sys_fcntl(call->fd, F_GETFL, 0) & O_NONBLOCK);
    ssize_t sent;

    if ((int)call->n.argument[5] < 0 || call->n.argument[5] > sizeof(struct sockaddr_storage)) {
        call_answer(call, 0, EINVAL); /* net/socket.c, move_addr_to_kernel() */
        return;
    }
    if (!client_read(&call->client, bytes, call->n.argument[1], size)) {
        call_refuse(call, "cannot read its memory");
        return;
    }
    while ((sent = sys_sendto(call->fd, bytes, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0)) < 0 &&
           errno == EAGAIN && waits) {
        struct pollfd set = {.fd = call->fd, .events = POLLOUT};

        sys_poll(&set, 1, CALL_LOOK_AGAIN);
        if (call_is_interrupted(call))
            return;
    }
    if (sent < 0 && errno == EPIPE && !(flags & MSG_NOSIGNAL)) {
        syscall(SYS_tgkill, call->client.pid, call->client.tid, SIGPIPE);
        errno = EPIPE;
    }
    call_answer(call, sent, sent < 0 ? errno : 0);
}

void served_socket(struct call *call)
{
    switch (call->n.call) {
    case SYS_getsockname:
        serve_name(call, getsockname);
        break;
    case SYS_getpeername:
        serve_name(call, getpeername);
        break;
    case SYS_getsockopt:
        serve_get_option(call);
        break;
    case SYS_setsockopt:
        serve_set_option(call);
        break;
    case SYS_shutdown:
        serve_shutdown(call);
        break;
    case SYS_ioctl:
        serve_ioctl(call);
        break;
    case SYS_sendto:
        serve_sendto(call);
        break;
    case SYS_recvfrom: /* MSG_ERRQUEUE: always empty for TCP (ip(7)), but a UNIX socket would return data */
    case SYS_recvmsg:
        call_answer(call, 0, EAGAIN);
        break;
    default:
        call_answer(call, 0, ENOSYS);
    }
}
