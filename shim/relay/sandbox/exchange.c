#include "relay/sandbox/exchange.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"

/* ---- over the channel ---- */

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * MONITOR_DESCRIPTORS)];
};

static _Noreturn void give_up(void)
{
    _exit(1);
}

static void send_question(int channel, struct exchange *c)
{
    struct iovec parts[3] = {{&c->head, sizeof c->head},
                             {(void *)(uintptr_t)c->data, c->head.length - c->more_length},
                             {(void *)(uintptr_t)c->more, c->more_length}};
    union control control = {.room = {0}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 3};

    if (c->sent_count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * c->sent_count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * c->sent_count);
        memcpy(CMSG_DATA(&control.head), c->sent, sizeof(int) * c->sent_count);
    }
    while (sendmsg(channel, &header, MSG_NOSIGNAL) < 0) {
        static const struct timespec moment = {.tv_nsec = 1000000};

        if (errno == EPIPE || errno == ECONNRESET || errno == EMSGSIZE || errno == EBADF)
            give_up();
        /* ETOOMANYREFS: this user's descriptors in flight have reached RLIMIT_NOFILE (unix(7)). */
        if (errno != EINTR)
            nanosleep(&moment, NULL);
    }
}

static void close_all(int *fd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fd[i]);
}

static void take_descriptors(struct exchange *c, struct msghdr *header)
{
    int came[MONITOR_DESCRIPTORS];

    for (struct cmsghdr *m = CMSG_FIRSTHDR(header); m; m = CMSG_NXTHDR(header, m)) {
        const size_t count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS || count > MONITOR_DESCRIPTORS)
            continue;
        memcpy(came, CMSG_DATA(m), count * sizeof(int));
        if (count > c->fd_limit) {
            close_all(came, count);
            give_up();
        }
        memcpy(c->fd, came, count * sizeof(int));
        c->fd_count = count;
    }
}

static int receive_answer(int channel, struct exchange *c)
{
    struct monitor_answer_head head;
    struct iovec parts[2] = {{&head, sizeof head}, {c->into, c->size}};
    union control control;
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;

    do {
        header.msg_control = &control;
        header.msg_controllen = CMSG_LEN(sizeof(int) * MONITOR_DESCRIPTORS);
        n = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof head || header.msg_flags & MSG_TRUNC || head.length != (size_t)n - sizeof head)
        give_up();
    take_descriptors(c, &header);
    c->length = head.length;
    c->facts = head.facts;
    if (!(header.msg_flags & MSG_CTRUNC))
        return head.error;
    /* This process has run out of descriptors. Those that arrived are of no use without the others. */
    close_all(c->fd, c->fd_count);
    c->fd_count = 0;
    return EMFILE;
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool exchange_has_answer(int channel, int patience)
{
    const int64_t until = now() + patience;
    struct pollfd answer = {.fd = channel, .events = POLLIN};
    int64_t left = patience;

    while (poll(&answer, 1, (int)left) <= 0) {
        left = until - now();
        if (left <= 0)
            return false;
    }
    return true;
}

int exchange(int channel, struct exchange *c, int patience)
{
    send_question(channel, c);
    if (c->silent)
        return 0;
    if (patience >= 0 && !exchange_has_answer(channel, patience))
        return MONITOR_HANGS;
    return receive_answer(channel, c);
}

void exchange_drop_answer(int channel)
{
    static uint8_t bytes[MONITOR_DATA_LIMIT]; /* nobody reads it */
    int fd[MONITOR_DESCRIPTORS];
    struct exchange c = {.into = bytes, .size = sizeof bytes, .fd = fd, .fd_limit = MONITOR_DESCRIPTORS};

    receive_answer(channel, &c);
    close_all(fd, c.fd_count);
}

/* ---- in this process ---- */

int exchange_here(struct exchange *c)
{
    static struct monitor_answer answer;
    static uint8_t data[MONITOR_DATA_LIMIT];
    struct monitor_question question = {.head = c->head, .data = data, .count = c->sent_count};

    if (c->head.length > sizeof data)
        return EMSGSIZE;
    if (c->head.length > c->more_length)
        memcpy(data, c->data, c->head.length - c->more_length);
    if (c->more_length > 0)
        memcpy(data + c->head.length - c->more_length, c->more, c->more_length);
    memcpy(question.descriptor, c->sent, sizeof c->sent);
    if (!monitor_answer(&question, &answer))
        return 0;
    if (answer.head.length > c->size || answer.count > c->fd_limit) {
        close_all(answer.descriptor, answer.count);
        return MONITOR_TOO_LARGE;
    }
    if (answer.head.length > 0)
        memcpy(c->into, answer.data, answer.head.length);
    if (answer.count > 0)
        memcpy(c->fd, answer.descriptor, answer.count * sizeof(int));
    c->length = answer.head.length;
    c->fd_count = answer.count;
    c->facts = answer.head.facts;
    return answer.head.error;
}
