#include "supervise/dns/forwarder.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "supervise/dns/dns_session.h"

/* Each session takes two descriptors. The pages of unused sessions cost nothing. */
enum { SESSIONS = 300, FEW_SESSIONS = 16 /* where address space is scarce (RLIMIT_AS) */ };

static struct dns_session *sessions;
static size_t session_count;
static uint64_t ticks;

static void report(int channel, const struct dns_session *s, bool refused)
{
    struct forwarding what = s->what;

    what.refused = refused;
    send(channel, &what, sizeof what, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void end(int channel, struct dns_session *s, bool refused)
{
    close(s->program);
    close(s->server);
    s->open = false;
    report(channel, s, refused);
}

/*
 * Returns a free slot. If there is none, ends the session that has been silent for longest, and returns its
 * slot.
 */
static struct dns_session *place(int channel)
{
    struct dns_session *oldest = &sessions[0];

    for (size_t i = 0; i < session_count; i++) {
        if (!sessions[i].open)
            return &sessions[i];
        if (sessions[i].used < oldest->used)
            oldest = &sessions[i];
    }
    end(channel, oldest, false);
    return oldest;
}

/* Returns false once the supervisor has gone. */
static bool receive(int channel)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct forwarding what;
    struct iovec bytes = {.iov_base = &what, .iov_len = sizeof what};
    struct msghdr header = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const ssize_t got = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct dns_session *s;
    int fd[2];

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got != (ssize_t)sizeof what || header.msg_controllen < CMSG_LEN(sizeof fd))
        return false;
    memcpy(fd, CMSG_DATA(&control.head), sizeof fd);
    s = place(channel);
    /* Leaves `bytes` alone, because most of its pages are never touched. */
    memset(s, 0, offsetof(struct dns_session, questions));
    s->questions.first = 0;
    s->questions.next = 0;
    for (size_t i = 0; i < QUESTIONS_LIMIT; i++)
        s->questions.asked[i].length = 0;
    memset(&s->up, 0, offsetof(struct stream_way, bytes));
    memset(&s->down, 0, offsetof(struct stream_way, bytes));
    s->questions.asker = what.asker;
    s->questions.begun = what.begun;
    s->what = what;
    s->program = fd[0];
    s->server = fd[1];
    s->used = ++ticks;
    s->open = true;
    return true;
}

static bool make_sessions(size_t count)
{
    void *const fresh = mmap(NULL, count * sizeof *sessions, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (fresh == MAP_FAILED)
        return false;
    sessions = fresh;
    session_count = count;
    return true;
}

void forwarder_run(int channel, struct forwarder_state *state)
{
    static struct pollfd set[1 + 2 * SESSIONS];

    if (!make_sessions(SESSIONS) && !make_sessions(FEW_SESSIONS))
        return;
    for (;;) {
        nfds_t count = 1;

        set[0] = (struct pollfd){.fd = channel, .events = POLLIN};
        for (size_t i = 0; i < session_count; i++) {
            if (sessions[i].open) {
                dns_session_wants(&sessions[i], set + count);
                count += 2;
            }
        }
        if (poll(set, count, -1) < 0)
            continue;
        count = 1;
        for (size_t i = 0; i < session_count; i++) {
            struct dns_session *const s = &sessions[i];
            const struct pollfd *const own = set + count;
            bool refused;

            if (!s->open)
                continue;
            count += 2;
            if (!own[0].revents && !own[1].revents)
                continue;
            s->used = ++ticks;
            if (!dns_session_serve(s, own, state, &refused))
                end(channel, s, refused);
        }
        if (set[0].revents && !receive(channel))
            return;
    }
}
