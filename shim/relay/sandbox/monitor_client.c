#include "relay/sandbox/monitor_client.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor.h"

static int dialogue = -1; /* set before there are threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void monitor_use(int fd)
{
    dialogue = fd;
}

/* A question and where its answer goes. */
struct call {
    struct monitor_head head;
    const void *data, *more; /* head.length bytes, of which `more` has the last `more_length` */
    size_t more_length;
    int sent[2];
    size_t sent_count;
    bool silent; /* no answer comes */
    uint8_t *into;
    size_t size, length;
    int *fd; /* room for MONITOR_DESCRIPTORS */
    size_t fd_limit, fd_count;
    struct grant_facts facts;
};

/* ---- over the dialogue ---- */

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * MONITOR_DESCRIPTORS)];
};

static _Noreturn void give_up(void)
{
    _exit(1);
}

static void send_question(struct call *c)
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
    while (sendmsg(dialogue, &header, MSG_NOSIGNAL) < 0) {
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

static void take_descriptors(struct call *c, struct msghdr *header)
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

static int receive_answer(struct call *c)
{
    struct monitor_answer_head head;
    struct iovec parts[2] = {{&head, sizeof head}, {c->into, c->size}};
    union control control;
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;

    do {
        header.msg_control = &control;
        header.msg_controllen = CMSG_LEN(sizeof(int) * MONITOR_DESCRIPTORS);
        n = recvmsg(dialogue, &header, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof head || header.msg_flags & MSG_TRUNC || head.length != (size_t)n - sizeof head)
        give_up();
    take_descriptors(c, &header);
    c->length = head.length;
    c->facts = head.facts;
    if (!(header.msg_flags & MSG_CTRUNC))
        return head.error;
    /* This process has run out of descriptors; those that came are of no use without the others. */
    close_all(c->fd, c->fd_count);
    c->fd_count = 0;
    return EMFILE;
}

/* ---- in this process ---- */

static int answer_here(struct call *c)
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

static int ask(struct call *c)
{
    int error = 0;

    if (c->head.length > MONITOR_DATA_LIMIT)
        return MONITOR_TOO_LARGE;
    pthread_mutex_lock(&lock);
    if (dialogue < 0) {
        error = answer_here(c);
    } else {
        send_question(c);
        if (!c->silent)
            error = receive_answer(c);
    }
    pthread_mutex_unlock(&lock);
    return error;
}

/* ---- questions ---- */

int files_take_guard(int connection, struct taken_guard *taken)
{
    int fd[3] = {-1, -1, -1};
    struct call c = {.head = {.kind = MONITOR_TAKE},
                     .sent = {connection},
                     .sent_count = 1,
                     .into = taken->bytes,
                     .size = sizeof taken->bytes,
                     .fd = fd,
                     .fd_limit = 3};
    const int error = ask(&c);

    taken->length = c.length;
    taken->tcp = fd[0];
    taken->program = fd[1];
    taken->programs_end = fd[2];
    taken->files.facts = c.facts;
    if (error != 0 && taken->files.facts.grant != 0)
        files_end(&taken->files);
    return error;
}

void files_of_settings(struct files *files, const struct settings *settings)
{
    memset(files, 0, sizeof *files);
    if (dialogue >= 0)
        return; /* the monitor does not believe our settings */
    pthread_mutex_lock(&lock);
    monitor_grant(settings, &files->facts);
    pthread_mutex_unlock(&lock);
}

void files_end(struct files *files)
{
    struct call c = {.head = {.kind = MONITOR_END, .grant = files->facts.grant}, .silent = true};

    if (files->facts.grant != 0)
        ask(&c);
    files->facts.grant = 0;
}

int files_open(const struct files *files, enum named which, int *fd)
{
    struct call c = {
        .head = {.kind = MONITOR_FILE, .grant = files->facts.grant, .what = which}, .fd = fd, .fd_limit = 1};
    const int error = ask(&c);

    return error == 0 && c.fd_count != 1 ? EMFILE : error;
}

int files_roots(const struct files *files, enum monitor_roots kind, uint32_t hash,
                int fd[MONITOR_DESCRIPTORS], size_t *count)
{
    struct call c = {
        .head = {.kind = MONITOR_ROOTS, .grant = files->facts.grant, .what = kind, .number = hash},
        .fd = fd,
        .fd_limit = MONITOR_DESCRIPTORS};
    const int error = ask(&c);

    *count = c.fd_count;
    return error;
}

static int ask_for_bytes(enum monitor_kind kind, uint32_t grant, uint8_t *bytes, size_t size, size_t *length)
{
    struct call c = {.head = {.kind = kind, .grant = grant}, .into = bytes, .size = size};
    const int error = ask(&c);

    *length = error == 0 ? c.length : 0;
    return error;
}

int files_certificate(const struct files *files, uint8_t *text, size_t size, size_t *length)
{
    return ask_for_bytes(MONITOR_CERTIFICATE, files->facts.grant, text, size, length);
}

int files_public_key(const struct files *files, uint8_t *der, size_t size, size_t *length)
{
    return ask_for_bytes(MONITOR_KEY, files->facts.grant, der, size, length);
}

int files_sign(uint32_t grant, const struct monitor_signing *how, const uint8_t *what, size_t length,
               uint8_t *signature, size_t size, size_t *used)
{
    struct call c = {.head = {.kind = MONITOR_SIGN, .grant = grant},
                     .data = how,
                     .more = what,
                     .more_length = length,
                     .into = signature,
                     .size = size};
    int error;

    if (length > MONITOR_DATA_LIMIT - sizeof *how)
        return MONITOR_TOO_LARGE;
    c.head.length = (uint32_t)(sizeof *how + length);
    error = ask(&c);
    *used = error == 0 ? c.length : 0;
    return error;
}

const char *files_error(int error)
{
    switch (error) {
    case MONITOR_NOT_REGULAR:
        return "it is not a regular file";
    case MONITOR_TOO_LARGE:
        return "it is too large (64 MiB, 48 KiB for a client-cert)";
    case MONITOR_HAS_PASSPHRASE:
        return "it has a passphrase, which nobody can be asked for";
    case MONITOR_NO_CERTIFICATE:
        return "it holds no certificate (PEM)";
    case MONITOR_NO_KEY:
        return "it holds no private key (PEM)";
    case MONITOR_NO_BUNDLED:
        return "no ca-certificates.pem lies beside the relay (make bundle)";
    case MONITOR_NOT_TRUSTED:
        return "somebody else can write to it, or to its folder";
    default:
        return error > 0 ? strerror(error) : "cannot be used";
    }
}

bool files_bind_outcome(const struct files *files, int end, int outcome)
{
    struct call c = {.head = {.kind = MONITOR_BIND, .grant = files->facts.grant, .number = (uint32_t)outcome},
                     .sent = {end},
                     .sent_count = 1};

    return ask(&c) == 0;
}

void files_log(struct files *files, bool warning, bool last, const char *line, size_t length)
{
    struct call c = {.head = {.kind = MONITOR_LOG,
                              .grant = files->facts.grant,
                              .what = (warning ? LINE_WARNS : 0U) | (last ? LINE_IS_LAST : 0U),
                              .length = (uint32_t)length},
                     .data = line};

    if (files->facts.grant != 0)
        ask(&c);
    if (last)
        files->facts.grant = 0;
}

int monitor_option(int connection, int tcp, uint8_t *value, size_t size, size_t *length)
{
    struct call c = {.head = {.kind = MONITOR_OPTION},
                     .sent = {connection, tcp},
                     .sent_count = 2,
                     .into = value,
                     .size = size};
    const int error = ask(&c);

    *length = error == 0 ? c.length : 0;
    return error;
}

pid_t monitor_parent(void)
{
    struct call c = {.head = {.kind = MONITOR_PARENT}};

    ask(&c);
    return (pid_t)c.facts.grant;
}
