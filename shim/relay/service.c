#include "relay/service.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/connection.h"
#include "relay/members.h"
#include "relay/protocol/plain.h"
#include "relay/request.h"
#include "relay/strangers.h"

struct pending_request {
    int fd; /* -1: free */
    bool stranger;
    bool delayed; /* a stranger's, which arrived while there was no room; not watched */
    int64_t since;
};

struct service {
    int epoll, listener, owner, ended;
    bool owner_gone;
    int64_t patience;   /* ms the relay may be idle */
    bool settled;       /* `patience` will not change any more */
    int64_t idle_since; /* INT64_MAX: not idle */
    size_t requests, strangers, delayed;
    bool full;         /* the listener is not being watched */
    int64_t listen_at; /* when it is watched again at the latest */
    bool retired;      /* and never will be again */
    bool notified;     /* connections report their end */
    struct pending_request request[REQUESTS_LIMIT];
};

enum {
    DELAY = 10,       /* ms after which we look again for room for delayed requests */
    FULL_PAUSE = 100, /* ms after which we look again for descriptors or memory */
};

static bool watch(struct service *s, int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};

    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* What an event is about: one of these, or the index of a request. */
enum { LISTENER = REQUESTS_LIMIT, OWNER, CONNECTION_ENDED };

/*
 * Strangers have blocked all the threads that serve them; nobody else must suffer for that. From now on the
 * listener refuses connections, so that the library starts another relay. Existing connections go on.
 *
 * A request that is queued for accept(2) may carry a descriptor of the program's end. While that is in
 * flight, nobody would see the end of the program's connection, so we close the program's requests here. We
 * leave a stranger's open, because its close(2) may wait (strangers.h). After shutdown(2), a listener still
 * returns what is queued (net/unix/af_unix.c, unix_accept()).
 */
static void retire(struct service *s)
{
    int fd;

    epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
    shutdown(s->listener, SHUT_RDWR);
    s->retired = true;
    while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (!request_is_strangers(fd))
            close(fd);
    }
}

static void close_strangers(struct service *s, int fd)
{
    if (!strangers_serve(fd) && !s->retired)
        retire(s);
}

static void forget(struct service *s, struct pending_request *r)
{
    if (r->stranger) {
        if (!r->delayed)
            epoll_ctl(s->epoll, EPOLL_CTL_DEL, r->fd, NULL);
        close_strangers(s, r->fd);
    } else {
        close(r->fd);
    }
    r->fd = -1;
    s->requests--;
    s->strangers -= r->stranger;
    s->delayed -= r->delayed;
    r->delayed = false;
}

/* Passes on a stranger's request. The loop never waits for the threads that serve strangers. */
static void pass_on(struct service *s, struct pending_request *r)
{
    if (strangers_have_room()) {
        forget(s, r);
    } else {
        epoll_ctl(s->epoll, EPOLL_CTL_DEL, r->fd, NULL);
        r->delayed = true;
        s->delayed++;
    }
}

static void pass_on_delayed(struct service *s)
{
    for (size_t i = 0; i < REQUESTS_LIMIT && s->delayed > 0 && strangers_have_room(); i++) {
        if (s->request[i].fd >= 0 && s->request[i].delayed)
            forget(s, &s->request[i]);
    }
}

/* Drops the request of this kind that has been silent the longest. */
static void make_room(struct service *s, bool stranger)
{
    struct pending_request *oldest = NULL;

    for (size_t i = 0; i < REQUESTS_LIMIT; i++) {
        struct pending_request *r = &s->request[i];

        if (r->fd >= 0 && (!stranger || r->stranger) && (!oldest || r->since < oldest->since))
            oldest = r;
    }
    if (oldest)
        forget(s, oldest);
}

static void add(struct service *s, int fd)
{
    const bool stranger = request_is_strangers(fd);

    if (s->requests == REQUESTS_LIMIT || (stranger && s->strangers == REQUESTS_OF_STRANGERS))
        make_room(s, stranger && s->strangers == REQUESTS_OF_STRANGERS);
    for (size_t i = 0; i < REQUESTS_LIMIT; i++) {
        struct pending_request *r = &s->request[i];

        if (r->fd >= 0)
            continue;
        if (!watch(s, fd, i))
            break;
        *r = (struct pending_request){.fd = fd, .stranger = stranger, .since = plain_now()};
        s->requests++;
        s->strangers += stranger;
        return;
    }
    if (stranger)
        close_strangers(s, fd);
    else
        close(fd);
}

static void accept_all(struct service *s)
{
    int fd;

    while (!s->retired && (fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        add(s, fd);
    if (s->retired)
        return;
    /*
     * Without descriptors or memory, the listener would stay readable and the loop would spin. So we stop
     * watching the listener until something has ended, or for FULL_PAUSE.
     */
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        s->full = epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL) == 0;
        s->listen_at = plain_now() + FULL_PAUSE;
    }
}

static void listen_again(struct service *s)
{
    if (s->full && !s->retired)
        s->full = !watch(s, s->listener, LISTENER);
}

static void drop_silent(struct service *s)
{
    for (size_t i = 0; i < REQUESTS_LIMIT && s->requests > 0; i++) {
        if (s->request[i].fd >= 0 && plain_now() - s->request[i].since > REQUEST_PATIENCE &&
            (!s->request[i].stranger || strangers_have_room()))
            forget(s, &s->request[i]);
    }
}

static void serve(struct service *s, uint64_t what)
{
    uint64_t count;

    if (what == LISTENER) {
        accept_all(s);
    } else if (what == OWNER) {
        s->owner_gone = true;
        close(s->owner);
    } else if (what == CONNECTION_ENDED) {
        if (read(s->ended, &count, sizeof count) > 0)
            listen_again(s);
    } else if (s->request[what].fd >= 0 && s->request[what].stranger) {
        pass_on(s, &s->request[what]);
        listen_again(s);
    } else if (s->request[what].fd >= 0 && request_serve(s->request[what].fd)) {
        forget(s, &s->request[what]);
        listen_again(s);
    }
}

/*
 * Wakes the loop when a connection ends, if that may be the last thing that the loop waits for, or frees a
 * descriptor that it needs. Otherwise the loop sleeps on. It notices that it is idle when it next wakes up,
 * or after IDLE_WITH_OWNER.
 */
static void want_ends(struct service *s)
{
    const bool wanted = s->owner_gone || s->full || s->patience != IDLE_WITH_OWNER;

    if (wanted != s->notified)
        connections_notify(wanted ? s->ended : -1);
    s->notified = wanted;
}

/* The relay is idle, and would end if no member of its family were left. */
static int time_for_members(struct service *s)
{
    if (!members_remain())
        return 0;
    s->idle_since = INT64_MAX;
    return s->owner_gone || s->owner < 0 ? MEMBERS_INTERVAL : IDLE_WITH_OWNER;
}

/* Returns how long to wait, in ms; 0: end now, unless something has arrived. */
static int time_left(struct service *s)
{
    int64_t left;

    if (s->delayed > 0)
        return DELAY;
    if (connections() > 0 || s->requests > 0) {
        s->idle_since = INT64_MAX;
        return s->full ? FULL_PAUSE : IDLE_WITH_OWNER;
    }
    if (s->full)
        return FULL_PAUSE;
    if (strangers_are_served())
        return 100;
    if (s->owner_gone)
        return time_for_members(s);
    if (s->idle_since == INT64_MAX)
        s->idle_since = plain_now();
    left = s->idle_since + s->patience - plain_now();
    return left > 0 ? (int)left : time_for_members(s);
}

/* Decides how long the relay may be idle, as soon as nobody waits for that. Returns true the first time. */
static bool settle(struct service *s, const struct service_owner *owner, bool idle)
{
    if (s->settled || (!idle && connections() == 0))
        return false;
    s->settled = true;
    /* Init, or this process's parent, may be waiting for this process to end. */
    if (s->owner >= 0 && owner->process != 1 && owner->process != owner->parent())
        s->patience = IDLE_WITH_OWNER;
    return true;
}

static void loop(struct service *s, const struct service_owner *owner)
{
    struct epoll_event events[16];

    for (;;) {
        int timeout, count;

        want_ends(s); /* before the connections are counted */
        timeout = time_left(s);
        count = epoll_wait(s->epoll, events, 16, timeout);

        for (int i = 0; i < count; i++)
            serve(s, events[i].data.u64);
        pass_on_delayed(s);
        drop_silent(s);
        if (s->full && plain_now() >= s->listen_at)
            listen_again(s);
        if (settle(s, owner, count == 0))
            continue;
        if ((count == 0 && timeout == 0) || (count < 0 && errno != EINTR))
            return;
    }
}

struct service_owner service_owner_of(pid_t owner, pid_t parent(void))
{
    struct service_owner o = {.process = owner, .ended = -1, .parent = parent};

    if (owner > 0)
        o.ended = (int)syscall(SYS_pidfd_open, owner, 0);
    o.gone = owner > 0 && o.ended < 0 && errno == ESRCH;
    return o;
}

static void watch_owner(struct service *s, const struct service_owner *owner)
{
    s->owner = owner->ended;
    s->owner_gone = owner->gone;
    s->patience = IDLE_WITHOUT_OWNER;
    if (s->owner < 0 || !watch(s, s->owner, OWNER))
        s->settled = true;
}

void service_run(int listener, const struct service_owner *owner)
{
    static struct service s; /* static, because it is 16 KiB; there is only one */

    s = (struct service){.listener = listener, .idle_since = INT64_MAX};
    for (size_t i = 0; i < REQUESTS_LIMIT; i++)
        s.request[i].fd = -1;
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    s.ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s.epoll >= 0 && s.ended >= 0 && watch(&s, listener, LISTENER) &&
        watch(&s, s.ended, CONNECTION_ENDED)) {
        watch_owner(&s, owner);
        loop(&s, owner);
        connections_notify(-1);
    }
    close(listener);
    close(s.epoll);
}
