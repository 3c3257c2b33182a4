#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "preload/sys/sys.h"
#include "supervise/program_message.h"
#include "supervise/served_dns.h"

enum { CONTROL_SIZE = 1024 };

struct received {
    uint8_t bytes[MESSAGE_SIZE];
    struct sockaddr_storage from;
    socklen_t from_length;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
    size_t control_length;
    unsigned flags;
};

static int flags_of(const struct call *call)
{
    return (int)call->n.argument[call->n.call == SYS_recvmsg ? 2 : 3];
}

/* Returns the length, which may be more than was taken (MSG_TRUNC), or -1 with errno set. */
static ssize_t receive(const struct call *call, const struct program_message *m, struct received *r)
{
    const size_t wanted = m->header.control != 0 ? m->header.control_length : 0;
    struct iovec piece = {.iov_base = r->bytes, .iov_len = m->size};
    struct msghdr header = {.msg_name = &r->from,
                            .msg_namelen = sizeof r->from,
                            .msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = r->control,
                            .msg_controllen = wanted < sizeof r->control ? wanted : sizeof r->control};
    const int flags = (flags_of(call) & ~(MSG_WAITFORONE | MSG_CMSG_CLOEXEC)) | MSG_DONTWAIT;
    const ssize_t got = sys_recvmsg(call->fd, &header, flags);

    r->from_length = header.msg_namelen;
    r->control_length = header.msg_controllen;
    r->flags = (unsigned)header.msg_flags;
    return got;
}

/* Datagrams come from our end; shows the server as their source. */
static void show_server(const struct call *call, struct received *r)
{
    struct dns_socket socket;
    uint64_t cookie;

    if (r->from_length == 0 || !sys_cookie(call->fd, &cookie) || !dns_sockets_from(cookie, &r->from, &socket))
        return;
    r->from = socket.server;
    r->from_length = socket.server_length;
}

static bool give_address(const struct call *call, const struct program_message *m, const struct received *r)
{
    const socklen_t room = (socklen_t)m->header.name_length;

    return m->header.name == 0 || client_write(&call->client, m->header.name, &r->from,
                                               r->from_length < room ? r->from_length : room);
}

static bool give_header(const struct call *call, const struct program_message *m, const struct received *r,
                        size_t length)
{
    struct program_entry entry = {.header = m->header, .length = (unsigned)length};
    const int name_length = (int)r->from_length;

    if (call->n.call == SYS_recvfrom)
        return m->header.name == 0 ||
               client_write(&call->client, call->n.argument[5], &name_length, sizeof name_length);
    entry.header.name_length = m->header.name != 0 ? name_length : m->header.name_length;
    entry.header.control_length = r->control_length;
    entry.header.flags = r->flags & ~(unsigned)MSG_CMSG_CLOEXEC;
    if (r->control_length > 0 &&
        !client_write(&call->client, m->header.control, r->control, r->control_length))
        return false;
    return client_write(&call->client, m->at, &entry,
                        call->n.call == SYS_recvmmsg ? sizeof entry : sizeof entry.header);
}

/* Returns true if it has answered the call, false if the call would have to wait. */
static bool try(struct call *call, struct received *r)
{
    struct program_message m;
    ssize_t got;
    size_t taken;

    if (!program_message_read(&m, call, 0)) {
        call_answer(call, 0, errno);
        return true;
    }
    if (!notification_is_valid(call->listener, &call->n))
        return true;
    got = receive(call, &m, r);
    if (got < 0) {
        if (errno == EAGAIN)
            return false;
        call_answer(call, 0, errno);
        return true;
    }
    taken = (size_t)got < m.size ? (size_t)got : m.size;
    show_server(call, r);
    if (program_message_deliver(&m, call, r->bytes, taken) && give_address(call, &m, r) &&
        give_header(call, &m, r, (size_t)got))
        call_answer(call, call->n.call == SYS_recvmmsg ? 1 : got, 0);
    else
        call_answer(call, 0, EFAULT);
    return true;
}

bool serve_dns_receives(const struct call *call)
{
    uint64_t cookie;

    return sys_option(call->fd, SOL_SOCKET, SO_TYPE, -1) == SOCK_DGRAM && sys_cookie(call->fd, &cookie) &&
           dns_sockets_has(cookie);
}

bool serve_dns_receive(struct call *call)
{
    static struct received received;

    if (try(call, &received))
        return true;
    if (!(flags_of(call) & MSG_DONTWAIT) && !(sys_fcntl(call->fd, F_GETFL, 0) & O_NONBLOCK))
        return false;
    call_answer(call, 0, EAGAIN);
    return true;
}

/* SO_RCVTIMEO in milliseconds; -1: none. */
static int64_t timeout_of(int fd)
{
    struct timeval time = {0};
    socklen_t length = sizeof time;

    if (sys_getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length) != 0 ||
        (time.tv_sec == 0 && time.tv_usec == 0))
        return -1;
    return (int64_t)time.tv_sec * 1000 + (time.tv_usec + 999) / 1000;
}

void served_receive(struct call *call)
{
    struct received received = {.flags = 0};
    const int64_t timeout = timeout_of(call->fd), end = sys_milliseconds() + timeout;

    while (!try(call, &received)) {
        struct pollfd set = {.fd = call->fd, .events = POLLIN};

        if (timeout >= 0 && sys_milliseconds() >= end) {
            call_answer(call, 0, EAGAIN);
            return;
        }
        sys_poll(&set, 1, CALL_LOOK_AGAIN);
        if (call_is_interrupted(call))
            return;
    }
}
