#include "monitor/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/grants.h"
#include "monitor/socket_options.h"

enum { TRIES = 2000 /* attempts to send an answer while there is no room, one each millisecond */ };

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * MONITOR_DESCRIPTORS)];
};

static void take_descriptors(struct monitor_question *q, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && count <= MONITOR_DESCRIPTORS) {
            memcpy(q->descriptor, CMSG_DATA(c), count * sizeof(int));
            q->count = count;
        }
    }
}

static void close_all(const int *descriptor, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(descriptor[i]);
}

bool channel_receive(int channel, struct monitor_question *q, uint8_t data[MONITOR_DATA_LIMIT],
                     void (*idle)(int channel))
{
    struct iovec parts[2] = {{&q->head, sizeof q->head}, {data, MONITOR_DATA_LIMIT}};
    union control control;
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    bool timed_out;
    ssize_t n;

    q->count = 0;
    q->data = data;
    q->cut = false;
    do {
        header.msg_control = &control;
        header.msg_controllen = CMSG_LEN(sizeof(int) * MONITOR_DESCRIPTORS);
        n = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
        timed_out = n < 0 && errno == EAGAIN;
        if (timed_out && idle)
            idle(channel);
        /*
         * ECONNRESET comes once, if the worker has ended without reading an answer. What it asked before that
         * is still here, and a line of the log must not be lost.
         */
    } while (timed_out || (n < 0 && (errno == EINTR || errno == ECONNRESET)));
    if (n > 0)
        take_descriptors(q, &header);
    q->cut = header.msg_flags & MSG_CTRUNC;
    return n >= (ssize_t)sizeof q->head && !(header.msg_flags & MSG_TRUNC) && q->head.zero == 0 &&
           q->head.length == (size_t)n - sizeof q->head;
}

/*
 * Sends, and retries while there is no room. ETOOMANYREFS: the user's descriptors in flight have reached
 * RLIMIT_NOFILE (unix(7)); other processes of the user may have caused that.
 */
static ssize_t send_patiently(int channel, const struct msghdr *message)
{
    static const struct timespec moment = {.tv_nsec = 1000000};
    ssize_t n;

    for (int tries = 0; (n = sendmsg(channel, message, MSG_NOSIGNAL)) < 0 && tries < TRIES; tries++) {
        if (errno == EINTR)
            continue;
        if (errno != ETOOMANYREFS && errno != ENOMEM && errno != ENOBUFS)
            break;
        nanosleep(&moment, NULL);
    }
    return n;
}

static bool reply(int channel, const struct monitor_answer *a)
{
    struct monitor_answer_head failed = a->head;
    struct iovec parts[2] = {{(void *)(uintptr_t)&a->head, sizeof a->head},
                             {(void *)(uintptr_t)a->data, a->head.length}};
    union control control = {.room = {0}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;

    if (a->count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * a->count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * a->count);
        memcpy(CMSG_DATA(&control.head), a->descriptor, sizeof(int) * a->count);
    }
    n = send_patiently(channel, &header);
    if (n >= 0 || (errno != ETOOMANYREFS && errno != ENOMEM && errno != ENOBUFS))
        return n >= 0;
    /* This connection fails for lack of descriptors or memory, but the others go on. */
    failed.error = errno;
    failed.length = 0;
    parts[0].iov_base = &failed;
    header.msg_iovlen = 1;
    header.msg_control = NULL;
    header.msg_controllen = 0;
    return send_patiently(channel, &header) >= 0;
}

bool channel_answer(int channel, const struct monitor_question *question, struct monitor_answer *answer,
                    bool answers(uint32_t kind))
{
    bool good = !answers || answers(question->head.kind);

    if (good && monitor_answer(question, answer)) {
        good = reply(channel, answer);
        close_all(answer->descriptor, answer->count);
    }
    close_all(question->descriptor, question->count);
    return good;
}

/* ---- the main thread ---- */

/*
 * If the worker asks nothing more, grants that are over must still end. So while there are grants, recvmsg(2)
 * times out now and then, and we look for such grants. A socket option, set once for each busy period, is
 * cheaper than a poll(2) before every question.
 */
static void wake_for_grants(int channel, bool idle)
{
    static bool wakes;
    const int wait = grants_sweep();
    struct timeval time = {.tv_sec = 0};

    if (wakes ? !idle || wait >= 0 : wait < 0)
        return;
    wakes = !wakes;
    if (wakes)
        time.tv_sec = wait / 1000;
    socket_option_set(channel, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

static void on_idle(int channel)
{
    wake_for_grants(channel, true);
}

void monitor_run(int channel, pid_t worker)
{
    static _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    static struct monitor_answer answer;
    struct monitor_question question;
    bool good = true;

    while (good) {
        wake_for_grants(channel, false);
        good = channel_receive(channel, &question, data, on_idle) &&
               channel_answer(channel, &question, &answer, NULL);
    }
    grants_end_all(); /* the process may live on until a file system answers */
    /* If the worker is still alive, the kernel ends it together with this process (PR_SET_PDEATHSIG). */
    close(channel);
    while (waitpid(worker, NULL, WNOHANG) < 0 && errno == EINTR)
        ;
}
