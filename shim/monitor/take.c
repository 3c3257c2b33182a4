#include "monitor/take.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/files/credentials.h"
#include "monitor/grant_files.h"
#include "monitor/random.h"
#include "monitor/socket_options.h"
#include "wire/call_mark.h"

static uint8_t token[WIRE_TOKEN_SIZE];
static char relay_name[64];

void take_set_token(const uint8_t given[WIRE_TOKEN_SIZE])
{
    memcpy(token, given, sizeof token);
}

void take_set_relay_name(const char *name)
{
    snprintf(relay_name, sizeof relay_name, "%s", name);
}

/* ---- descriptors ---- */

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static bool is_tcp(int fd)
{
    const int domain = option_of(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

static bool is_pair_end(int fd)
{
    return option_of(fd, SO_DOMAIN) == AF_UNIX && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

/* ---- reading from a connection ---- */

enum { TAKEN_ON = 3 /* descriptors of a WIRE_GUARD that go to the worker; we keep the others */ };

struct taken {
    size_t length;
    int descriptor[WIRE_DESCRIPTORS];
    bool cut; /* descriptors are missing: this process ran out of them */
};

static void close_taken(struct taken *t)
{
    for (size_t i = 0; i < WIRE_DESCRIPTORS; i++) {
        if (t->descriptor[i] >= 0)
            close(t->descriptor[i]);
        t->descriptor[i] = -1;
    }
}

/* Reads a message of at most WIRE_MESSAGE_LIMIT bytes from the connection. False if there is none. */
static bool receive(int connection, uint8_t *bytes, struct taken *t)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * WIRE_DESCRIPTORS)];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = WIRE_MESSAGE_LIMIT};
    /* CMSG_LEN and not CMSG_SPACE: see relay/request.c. */
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_LEN(sizeof(int) * WIRE_DESCRIPTORS)};
    ssize_t n;

    do
        n = recvmsg(connection, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    for (size_t i = 0; i < WIRE_DESCRIPTORS; i++)
        t->descriptor[i] = -1;
    if (n < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && count <= WIRE_DESCRIPTORS)
            memcpy(t->descriptor, CMSG_DATA(c), count * sizeof(int));
    }
    t->cut = header.msg_flags & MSG_CTRUNC;
    t->length = header.msg_flags & MSG_TRUNC ? 0 : (size_t)n;
    return true;
}

/* ---- TCP's outcome ---- */

static int bind_outcome(int end, uint64_t cookie, int outcome)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char word[16] = "ok", apart[24] = "";
    uint64_t random;
    int length;

    if (outcome != 0)
        snprintf(word, sizeof word, "E%d", outcome);
    for (int attempt = 0; attempt < 2; attempt++) {
        length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "retrotls/1 %s %s %" PRIx64 "%s", word,
                          relay_name, cookie, apart);
        if (bind(end, (const struct sockaddr *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
            return 0;
        /* Cookies are sequential, and /proc/net/unix shows all names, so anybody may have taken our name. */
        if (errno != EADDRINUSE || !random_fill(&random, sizeof random))
            break;
        snprintf(apart, sizeof apart, " %016" PRIx64, random);
    }
    return EAGAIN;
}

int take_bind(int end, uint64_t cookie, int outcome)
{
    return is_pair_end(end) ? bind_outcome(end, cookie, outcome) : EINVAL;
}

/* ---- taking a connection over ---- */

/*
 * True if the socket is of the type that the relay accepts. The worker gets both ends of each program's pair,
 * and the kernel names the program as the peer of either end (SO_PEERCRED). So whatever the worker wrote to
 * one end would count as the program's request. But pairs are stream sockets. The worker never has both ends
 * of a SOCK_SEQPACKET socket that a program has made, only the one that it has accepted.
 */
static bool is_accepted(int connection)
{
    return option_of(connection, SO_TYPE) == SOCK_SEQPACKET;
}

/*
 * Checks the token. We look at nothing else in a stranger's request. We also leave its descriptors in the
 * socket, because close(2) may block on one of them.
 */
static int check_token(int connection)
{
    uint8_t begin[WIRE_TOKEN_END];
    const uint8_t *shown;
    ssize_t n;

    do
        n = recv(connection, begin, sizeof begin, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof begin)
        return EBADMSG;
    shown = wire_token_of(begin, (size_t)n);
    if (!shown)
        return EBADMSG;
    return CRYPTO_memcmp(shown, token, sizeof token) == 0 ? 0 : EPERM;
}

static int check(const struct taken *t, const struct guard_request *r)
{
    if (t->cut)
        return EMFILE;
    if (!is_tcp(t->descriptor[0]) || !is_pair_end(t->descriptor[1]) || !is_pair_end(t->descriptor[2]) ||
        r->filler == 0 || r->settings.level == LEVEL_NONE)
        return EINVAL;
    if (r->alternative.family != 0 && !is_tcp(t->descriptor[TAKEN_ON]))
        return EINVAL;
    return 0;
}

/* The worker gets neither. */
static void keep_others(struct grant *g, const struct taken *t)
{
    const bool has_alternative = g->request.alternative.family != 0;

    if (has_alternative)
        g->alternative = t->descriptor[TAKEN_ON];
    g->standard_error = t->descriptor[has_alternative ? TAKEN_ON + 1 : TAKEN_ON];
}

/*
 * If the connection is up, binds the name: once the program hears that it is up, it asks for its peer's
 * address.
 */
static int name_if_up(const struct taken *t, const struct guard_request *r)
{
    return r->pending == WIRE_CONNECTED ? bind_outcome(t->descriptor[1], r->cookie, 0) : 0;
}

int take_guard(int connection, struct monitor_answer *answer)
{
    struct credentials *rights;
    struct grant *g;
    struct taken t;
    int error = is_accepted(connection) ? check_token(connection) : EPERM;

    if (error != 0)
        return error;
    if (!receive(connection, answer->data, &t))
        return EBADMSG;
    if (wire_token_of(answer->data, t.length))
        explicit_bzero(answer->data + WIRE_TOKEN_END - WIRE_TOKEN_SIZE, WIRE_TOKEN_SIZE);
    if (!wire_read_guard(&(struct guard_request){.pid = 0}, answer->data, t.length)) {
        close_taken(&t);
        return EBADMSG;
    }
    rights = credentials_of_peer(connection);
    error = !rights && (errno == EMFILE || errno == ENFILE) ? errno : EAGAIN;
    g = grant_for_message(answer->data, t.length, rights);
    if (g)
        error = check(&t, &g->request);
    if (error == 0)
        error = name_if_up(&t, &g->request);
    if (error != 0) {
        if (g) {
            grant_end(g->number);
            grant_put(g);
        }
        close_taken(&t);
        return error;
    }
    grant_belongs_to_peer(g, connection);
    keep_others(g, &t);
    grant_facts(g, &answer->head.facts);
    grant_put(g);
    answer->head.length = (uint32_t)t.length;
    memcpy(answer->descriptor, t.descriptor, TAKEN_ON * sizeof(int));
    answer->count = TAKEN_ON;
    return 0;
}

/* ---- the alternative ---- */

static socklen_t socket_address(struct sockaddr_storage *to, const struct wire_address *from)
{
    memset(to, 0, sizeof *to);
    if (from->family == AF_INET) {
        struct sockaddr_in *const v4 = (struct sockaddr_in *)(void *)to;

        v4->sin_family = AF_INET;
        v4->sin_port = htons(from->port);
        memcpy(&v4->sin_addr, from->bytes, sizeof v4->sin_addr);
        return sizeof *v4;
    }
    struct sockaddr_in6 *const v6 = (struct sockaddr_in6 *)(void *)to;

    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from->port);
    v6->sin6_scope_id = from->scope;
    memcpy(&v6->sin6_addr, from->bytes, sizeof v6->sin6_addr);
    return sizeof *v6;
}

/*
 * A system call of our own: libc may make it through socketcall(2), whose arguments no filter sees, and a
 * supervisor's filter would hold it up without the mark.
 */
static int connect_at_once(int tcp, const struct wire_address *to)
{
    struct sockaddr_storage address;
    const socklen_t length = socket_address(&address, to);
    const int flags = fcntl(tcp, F_GETFL);

    if (flags < 0 || !(flags & O_NONBLOCK))
        return EINVAL; /* whoever else has it has changed it, and this thread must not wait */
#ifdef SYS_connect
    if (syscall(SYS_connect, CALL_MARKED(tcp), &address, length, 0, 0, CALL_SIXTH) == 0 ||
        errno == EINPROGRESS)
        return 0;
    return errno;
#else
    (void)length;
    return ENOSYS;
#endif
}

int take_alternative(struct grant *g, struct monitor_answer *answer)
{
    const int tcp = grant_take_alternative(g);
    int error;

    if (tcp < 0)
        return EPERM;
    error = connect_at_once(tcp, &g->request.alternative);
    if (error == 0)
        answer->descriptor[answer->count++] = tcp;
    else
        close(tcp);
    return error;
}

/* ---- options that need rights ---- */

static int set_option(int tcp, const struct option_request *r)
{
    if (!socket_option_may_be_set(r->level, r->name))
        return EPERM;
    return socket_option_set(tcp, r->level, r->name, r->value, r->value_length) == 0 ? 0 : errno;
}

static int get_option(int tcp, const struct option_request *r, struct monitor_answer *answer)
{
    socklen_t length = r->size < WIRE_VALUE_LIMIT ? r->size : WIRE_VALUE_LIMIT;

    if (!socket_option_may_be_read(r->level, r->name))
        return EPERM;
    memset(answer->data, 0, WIRE_VALUE_LIMIT); /* for some options, the kernel reads the buffer too */
    if (getsockopt(tcp, r->level, r->name, answer->data, &length) != 0)
        return errno;
    answer->head.length = length < WIRE_VALUE_LIMIT ? length : WIRE_VALUE_LIMIT;
    return 0;
}

static int do_option(int tcp, const uint8_t *message, size_t length, const struct credentials *rights,
                     struct monitor_answer *answer)
{
    const enum wire_type type = wire_type_of(message, length);
    struct option_request r;
    int error;

    if ((type != WIRE_SET_OPTION && type != WIRE_GET_OPTION) || !wire_read_option(&r, message, length))
        return EBADMSG;
    if (!is_tcp(tcp) || !rights || !credentials_take_on(rights))
        return EPERM;
    error = type == WIRE_SET_OPTION ? set_option(tcp, &r) : get_option(tcp, &r, answer);
    credentials_return();
    return error;
}

int take_option(int connection, int tcp, struct monitor_answer *answer)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct credentials *rights;
    struct taken t;
    int error = EBADMSG;

    if (!is_accepted(connection))
        return EPERM;
    rights = credentials_of_peer(connection);
    if (receive(connection, message, &t)) {
        error = do_option(tcp, message, t.length, rights, answer);
        close_taken(&t);
    }
    free(rights);
    return error;
}
