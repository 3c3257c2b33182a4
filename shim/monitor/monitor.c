#include "monitor/monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/client_key.h"
#include "monitor/client_signature.h"
#include "monitor/grants.h"
#include "monitor/log_file.h"
#include "monitor/open_named.h"
#include "monitor/roots/bundled_roots.h"
#include "monitor/take.h"

enum { TRIES = 2000 /* to send an answer while there is no room, one per millisecond */ };

void monitor_set_token(const uint8_t token[WIRE_TOKEN_SIZE])
{
    take_set_token(token);
}

void monitor_set_relay_name(const char *name)
{
    take_set_relay_name(name);
}

/* ---- files ---- */

static const char *path_of(const struct grant *g, enum named which)
{
    const char *path[NAMED_COUNT];

    grant_paths(g, path);
    return path[which];
}

/* Does not give out the client's files, as one of them has the key. */
static int give_file(const struct grant *g, uint32_t which, struct monitor_answer *a)
{
    const char *path;
    int error = EPERM, fd;

    if (which != NAMED_CA_FILE && which != NAMED_BUNDLE && which != NAMED_CRL_FILE)
        return EPERM;
    path = path_of(g, (enum named)which);
    if (!path && which == NAMED_CA_FILE && settings_trust_bundled(&g->request.settings))
        path = bundled_roots(&error);
    if (!path)
        return error;
    fd = open_named(g->rights, path, &error);
    if (fd >= 0)
        a->descriptor[a->count++] = fd;
    return error;
}

static int give_roots(const struct grant *g, uint32_t kind, uint32_t hash, struct monitor_answer *a)
{
    const char *const path = path_of(g, NAMED_CA_DIR);

    if (!path || kind > ROOTS_CRLS)
        return EPERM;
    a->count =
        open_hashed(g->rights, path, hash, (enum monitor_roots)kind, a->descriptor, MONITOR_DESCRIPTORS);
    return 0;
}

/* ---- the client's certificate ---- */

static int give_certificate(const struct grant *g, struct monitor_answer *a)
{
    const char *const path = path_of(g, NAMED_CLIENT_CERT);
    size_t length = 0;
    int error, fd;

    if (!path)
        return EPERM;
    fd = open_named(g->rights, path, &error);
    if (fd < 0)
        return error;
    error = client_certificates(fd, a->data, sizeof a->data, &length);
    close(fd);
    a->head.length = (uint32_t)length;
    return error;
}

static int read_key(struct grant *g)
{
    const char *const path = path_of(g, NAMED_CLIENT_KEY);
    int error = 0, fd;

    if (!path)
        return EPERM;
    if (g->key)
        return 0;
    fd = open_named(g->rights, path, &error);
    if (fd < 0)
        return error;
    error = client_key_read(fd, &g->key);
    close(fd);
    return error;
}

static int give_public_key(struct grant *g, struct monitor_answer *a)
{
    size_t length = 0;
    int error = read_key(g);

    if (error == 0)
        error = client_key_public(g->key, a->data, sizeof a->data, &length);
    a->head.length = (uint32_t)length;
    return error;
}

static int sign(const struct grant *g, const struct monitor_question *q, struct monitor_answer *a)
{
    struct monitor_signing how;
    size_t length = 0;
    int error;

    if (!g->key || q->head.length < sizeof how)
        return EPERM;
    memcpy(&how, q->data, sizeof how);
    error = client_signature(g->key, &how, q->data + sizeof how, q->head.length - sizeof how, a->data,
                             sizeof a->data, &length);
    a->head.length = error == 0 ? (uint32_t)length : 0;
    return error;
}

/* ---- the log ---- */

static int write_log(struct grant *g, const struct monitor_question *q)
{
    if (g->lines++ < GRANT_LINES)
        log_line(g->rights, g->request.settings.log, g->standard_error, q->head.what & LINE_WARNS,
                 (const char *)q->data, q->head.length);
    if (q->head.what & LINE_IS_LAST)
        grant_end(g);
    return 0;
}

/* ---- questions ---- */

static int answer_of_grant(struct grant *g, const struct monitor_question *q, struct monitor_answer *a)
{
    switch (q->head.kind) {
    case MONITOR_FILE:
        return give_file(g, q->head.what, a);
    case MONITOR_ROOTS:
        return give_roots(g, q->head.what, q->head.number, a);
    case MONITOR_CERTIFICATE:
        return give_certificate(g, a);
    case MONITOR_KEY:
        return give_public_key(g, a);
    case MONITOR_SIGN:
        return sign(g, q, a);
    case MONITOR_BIND:
        return q->count == 1 && q->head.number <= INT32_MAX
                   ? take_bind(q->descriptor[0], g->request.cookie, (int)q->head.number)
                   : EINVAL;
    case MONITOR_LOG:
        return write_log(g, q);
    default:
        return EINVAL;
    }
}

static int answer_of(const struct monitor_question *q, struct monitor_answer *a)
{
    struct grant *g;

    if (q->cut)
        return EMFILE;
    switch (q->head.kind) {
    case MONITOR_TAKE:
        return q->count == 1 ? take_guard(q->descriptor[0], a) : EINVAL;
    case MONITOR_OPTION:
        return q->count == 2 ? take_option(q->descriptor[0], q->descriptor[1], a) : EINVAL;
    case MONITOR_PARENT:
        a->head.facts.grant = (uint32_t)getppid();
        return 0;
    default:
        g = grant_find(q->head.grant);
        return g ? answer_of_grant(g, q, a) : EPERM;
    }
}

bool monitor_answer(const struct monitor_question *q, struct monitor_answer *a)
{
    struct grant *const g = grant_find(q->head.grant);

    memset(&a->head, 0, sizeof a->head);
    a->count = 0;
    if (q->head.kind != MONITOR_END) {
        a->head.error = answer_of(q, a);
        return true;
    }
    if (g)
        grant_end(g);
    return false;
}

void monitor_grant(const struct settings *settings, struct grant_facts *facts)
{
    struct grant *const g = grant_for_settings(settings, credentials_own());

    memset(facts, 0, sizeof *facts);
    if (g)
        grant_facts(g, facts);
}

/* ---- the dialogue ---- */

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

/*
 * A worker that asks nothing more must not keep grants that are over. So while there are grants, recvmsg(2)
 * times out now and then, and we check them. We use a socket option, set once for a busy period, because a
 * poll(2) would come on top of every question.
 */
static void wake_for_grants(int dialogue, bool idle)
{
    static bool wakes;
    const int wait = grants_sweep();
    struct timeval time = {.tv_sec = 0};

    if (wakes ? !idle || wait >= 0 : wait < 0)
        return;
    wakes = !wakes;
    if (wakes)
        time.tv_sec = wait / 1000;
    setsockopt(dialogue, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

/* False if the dialogue has ended, or the message is not one of the worker's. */
static bool receive(int dialogue, struct monitor_question *q, uint8_t data[MONITOR_DATA_LIMIT])
{
    struct iovec parts[2] = {{&q->head, sizeof q->head}, {data, MONITOR_DATA_LIMIT}};
    union control control;
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    bool idle;
    ssize_t n;

    q->count = 0;
    q->data = data;
    q->cut = false;
    wake_for_grants(dialogue, false);
    do {
        header.msg_control = &control;
        header.msg_controllen = CMSG_LEN(sizeof(int) * MONITOR_DESCRIPTORS);
        n = recvmsg(dialogue, &header, MSG_CMSG_CLOEXEC);
        idle = n < 0 && errno == EAGAIN;
        if (idle)
            wake_for_grants(dialogue, true);
    } while (idle || (n < 0 && errno == EINTR));
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
static ssize_t send_patiently(int dialogue, const struct msghdr *message)
{
    static const struct timespec moment = {.tv_nsec = 1000000};
    ssize_t n;

    for (int tries = 0; (n = sendmsg(dialogue, message, MSG_NOSIGNAL)) < 0 && tries < TRIES; tries++) {
        if (errno == EINTR)
            continue;
        if (errno != ETOOMANYREFS && errno != ENOMEM && errno != ENOBUFS)
            break;
        nanosleep(&moment, NULL);
    }
    return n;
}

static bool reply(int dialogue, const struct monitor_answer *a)
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
    n = send_patiently(dialogue, &header);
    if (n >= 0 || (errno != ETOOMANYREFS && errno != ENOMEM && errno != ENOBUFS))
        return n >= 0;
    /* This connection fails for lack of descriptors or memory; the others go on. */
    failed.error = errno;
    failed.length = 0;
    parts[0].iov_base = &failed;
    header.msg_iovlen = 1;
    header.msg_control = NULL;
    header.msg_controllen = 0;
    return send_patiently(dialogue, &header) >= 0;
}

void monitor_run(int dialogue, pid_t worker)
{
    static _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    static struct monitor_answer answer;
    struct monitor_question question;
    bool good = true;

    while (good && (good = receive(dialogue, &question, data))) {
        if (monitor_answer(&question, &answer)) {
            good = reply(dialogue, &answer);
            close_all(answer.descriptor, answer.count);
        }
        close_all(question.descriptor, question.count);
    }
    /* If the worker is still alive, the kernel ends it together with this process (PR_SET_PDEATHSIG). */
    close(dialogue);
    while (waitpid(worker, NULL, WNOHANG) < 0 && errno == EINTR)
        ;
}
