#include "relay/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/socket_options.h"
#include "monitor/threads/thread.h"
#include "relay/protocol/plain.h"
#include "relay/race/same_options.h"
#include "relay/reply.h"

enum { CLOSER_STACK = 64 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *first;
static _Atomic size_t count; /* changed under the lock */
static int notified = -1;

static struct kept {
    bool used;
    int tcp;
    struct pair_identity pair;
    int64_t until;
} kept[KEPT_LIMIT];

static void name_server(struct connection *c)
{
    const struct guard_request *r = &c->request;
    char address[INET6_ADDRSTRLEN] = "the server";
    const char *name = address;

    inet_ntop(r->asked_address.family, r->asked_address.bytes, address, sizeof address);
    if (r->settings.connect_host)
        name = r->settings.connect_host;
    else if (r->asked.count > 0)
        name = r->asked.item[0];
    clean_text(c->server, sizeof c->server, name, strlen(name));
}

static void insert(struct connection *c)
{
    c->next = first;
    if (first)
        first->previous = c;
    first = c;
}

struct connection *connection_new(const struct taken_guard *taken, int room)
{
    struct connection *c = calloc(1, sizeof *c);
    bool good = c && (c->message = malloc(taken->length));

    if (good) {
        memcpy(c->message, taken->bytes, taken->length);
        good = wire_read_guard(&c->request, c->message, taken->length) &&
               pair_identity_of_relays_end(&c->pair, taken->program, c->request.cookie);
        c->tcp = taken->tcp;
        c->program = taken->program;
        c->room = room;
        c->files = taken->files;
        c->asker = c->claimant = -1;
        c->no_delay = -1;
        c->began = plain_now() - c->request.elapsed;
        c->state.protocol = "";
        c->state.stage = c->request.pending ? WIRE_CONNECTING : WIRE_NEGOTIATING;
    }
    pthread_mutex_lock(&lock);
    good = good && count < CONNECTIONS_LIMIT;
    if (good) {
        count++;
        name_server(c);
        insert(c);
    }
    pthread_mutex_unlock(&lock);
    if (good)
        return c;
    if (c)
        free(c->message);
    free(c);
    return NULL;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Guarded by the lock. */
static struct broken {
    struct pair_identity pair;
    int error;
} broken[BROKEN_LIMIT];
static size_t broken_next;

/* Call this before closing the program's end, because the program may ask at once. */
static void remember(const struct connection *c)
{
    if (c->error == 0 || c->error == ECONNRESET)
        return;
    broken[broken_next] = (struct broken){.pair = c->pair, .error = c->error};
    broken_next = (broken_next + 1) % BROKEN_LIMIT;
}

int connection_broke_with(const struct pair_identity *pair)
{
    int error = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BROKEN_LIMIT && error == 0; i++) {
        if (pair_identity_is(&broken[i].pair, pair))
            error = broken[i].error;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

/*
 * Removes the connection from the list, so that no option request reaches its TCP socket: once that is
 * closed, another socket may get its number.
 */
static int remove_one(struct connection *c)
{
    const int tcp = c->tcp;

    pthread_mutex_lock(&lock);
    if (c->previous)
        c->previous->next = c->next;
    else
        first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    c->tcp = -1;
    remember(c);
    pthread_mutex_unlock(&lock);
    return tcp;
}

/*
 * Restores what the program had set: connection_surrender() has set SO_LINGER to cut the connection, and
 * TCP_NODELAY is our own.
 */
static void restore(const struct connection *c, int tcp)
{
    socket_option_set(tcp, SOL_SOCKET, SO_LINGER, &c->linger, sizeof c->linger);
    if (c->no_delay >= 0)
        socket_option_set(tcp, IPPROTO_TCP, TCP_NODELAY, &c->no_delay, sizeof c->no_delay);
}

static void give_back(const struct connection *c, int tcp)
{
    struct wire_reply answer = {.error = 0};

    if (tcp >= 0)
        restore(c, tcp);
    else
        answer.error = ENOTCONN;
    reply_send(c->claimant, &answer, tcp);
    close(c->claimant);
}

void connection_report_outcome(struct connection *c, int error)
{
    const struct wire_reply outcome = {.error = error};

    if (c->asker >= 0)
        reply_send(c->asker, &outcome, -1);
    close_one(&c->asker);
}

void connection_free(struct connection *c)
{
    const uint64_t one = 1;
    int tcp = remove_one(c), notify;

    close_one(&c->program);
    close_one(&c->room);
    files_end(&c->files);
    if (c->claimant >= 0)
        connection_report_outcome(c, ECANCELED);
    close_one(&c->asker);
    if (c->claimant >= 0) {
        if (tcp < 0)
            tcp = connection_reclaim(&c->pair);
        give_back(c, tcp);
    }
    free(c->message);
    free(c);
    close_one(&tcp); /* last: close() waits if the program set SO_LINGER */
    pthread_mutex_lock(&lock);
    count--;
    notify = notified;
    pthread_mutex_unlock(&lock);
    /*
     * The write cannot fail: that would take 2^64 unread ends. Nobody can have closed the eventfd: see the
     * header.
     */
    if (notify >= 0)
        (void)!write(notify, &one, sizeof one);
}

bool connection_surrender(const struct pair_identity *pair, int request)
{
    const struct linger cut = {.l_onoff = 1, .l_linger = 0};
    struct connection *c;
    bool taken = false;

    pthread_mutex_lock(&lock);
    for (c = first; c && !pair_identity_is(&c->pair, pair);)
        c = c->next;
    if (c && c->tcp >= 0 && c->claimant < 0) {
        socklen_t length = sizeof c->linger;

        c->claimant = getsockopt(c->tcp, SOL_SOCKET, SO_LINGER, &c->linger, &length) == 0
                          ? fcntl(request, F_DUPFD_CLOEXEC, 0)
                          : -1;
        taken = c->claimant >= 0;
    }
    if (taken) {
        /*
         * To its thread it looks as if the program had closed with SO_LINGER 0: the thread ends at once, and
         * sends nothing more.
         */
        socket_option_set(c->tcp, SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
        shutdown(c->program, SHUT_RDWR);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

static void drop(struct kept *k)
{
    if (k->used)
        close(k->tcp);
    k->used = false;
}

/* Drops those that have expired. */
static void expire(void)
{
    for (size_t i = 0; i < KEPT_LIMIT; i++) {
        if (kept[i].used && kept[i].until <= plain_now())
            drop(&kept[i]);
    }
}

void connection_keep_tcp(struct connection *c)
{
    struct kept *to = &kept[0];

    pthread_mutex_lock(&lock);
    expire();
    for (size_t i = 1; i < KEPT_LIMIT && to->used; i++) {
        if (!kept[i].used || kept[i].until < to->until)
            to = &kept[i];
    }
    drop(to);
    *to = (struct kept){.used = true, .tcp = c->tcp, .pair = c->pair, .until = plain_now() + KEPT_FOR};
    c->tcp = -1;
    pthread_mutex_unlock(&lock);
}

int connection_exchange_tcp(struct connection *c, int tcp)
{
    int before = -1;

    pthread_mutex_lock(&lock);
    if (c->claimant < 0) {
        before = c->tcp;
        if (c->no_delay >= 0)
            socket_option_set(before, IPPROTO_TCP, TCP_NODELAY, &c->no_delay, sizeof c->no_delay);
        c->no_delay = -1;
        same_options(before, tcp);
        c->tcp = tcp;
    }
    pthread_mutex_unlock(&lock);
    return before;
}

int connection_reclaim(const struct pair_identity *pair)
{
    int tcp = -1;

    pthread_mutex_lock(&lock);
    expire();
    for (size_t i = 0; i < KEPT_LIMIT && tcp < 0; i++) {
        if (kept[i].used && pair_identity_is(&kept[i].pair, pair)) {
            tcp = kept[i].tcp;
            kept[i].used = false;
        }
    }
    pthread_mutex_unlock(&lock);
    return tcp;
}

void connection_set_stage(struct connection *c, enum wire_stage stage)
{
    pthread_mutex_lock(&lock);
    c->state.stage = stage;
    pthread_mutex_unlock(&lock);
}

void connection_set_protocol(struct connection *c, const char *protocol)
{
    pthread_mutex_lock(&lock);
    c->state.protocol = protocol;
    pthread_mutex_unlock(&lock);
}

void connection_set_tls(struct connection *c, const char *version, const char *cipher)
{
    pthread_mutex_lock(&lock);
    c->state.stage = WIRE_TLS;
    snprintf(c->state.version, sizeof c->state.version, "%s", version);
    snprintf(c->state.cipher, sizeof c->state.cipher, "%s", cipher);
    pthread_mutex_unlock(&lock);
}

size_t connections(void)
{
    return count;
}

void connections_notify(int eventfd)
{
    pthread_mutex_lock(&lock);
    notified = eventfd;
    pthread_mutex_unlock(&lock);
}

void connection_each(bool (*act)(const struct connection *c, void *argument), void *argument)
{
    pthread_mutex_lock(&lock);
    for (const struct connection *c = first; c && act(c, argument); c = c->next)
        ;
    pthread_mutex_unlock(&lock);
}

int connection_with_tcp(const struct pair_identity *pair, int (*act)(struct connection *c, void *argument),
                        void *argument)
{
    int result = ENOTCONN;

    pthread_mutex_lock(&lock);
    for (struct connection *c = first; c; c = c->next) {
        if (pair_identity_is(&c->pair, pair)) {
            result = c->tcp < 0 ? EBADF : act(c, argument);
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int duplicate(struct connection *c, void *tcp)
{
    *(int *)tcp = fcntl(c->tcp, F_DUPFD_CLOEXEC, 0);
    return *(int *)tcp >= 0 ? 0 : EMFILE;
}

int connection_borrow_tcp(const struct pair_identity *pair)
{
    int tcp = -1;

    errno = connection_with_tcp(pair, duplicate, &tcp);
    return tcp;
}

static int close_duplicate(struct connection *c, void *tcp)
{
    (void)c; /* it has the socket as well, and keeps it under the lock: this is not the last close(2) */
    close_one(tcp);
    return 0;
}

static void *close_last(void *tcp)
{
    close((int)(intptr_t)tcp);
    return NULL;
}

void connection_return_tcp(const struct pair_identity *pair, int tcp)
{
    /* If the connection has ended meanwhile, close(2) may wait: the program can have set SO_LINGER. */
    if (connection_with_tcp(pair, close_duplicate, &tcp) != 0 &&
        !thread_start(close_last, (void *)(intptr_t)tcp, CLOSER_STACK))
        close(tcp);
}
