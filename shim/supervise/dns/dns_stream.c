#include "supervise/dns/dns_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH = 2 /* bytes before each message */ };

static size_t waiting(const struct stream_way *way)
{
    return way->message - way->sent;
}

void dns_stream_wants(const struct dns_session *s, struct pollfd set[2])
{
    set[0].events = set[1].events = 0;
    if (!s->accepted) {
        set[0].events = POLLIN;
        set[1].fd = -1; /* connect(2)'s outcome must wait for a program to report it to */
        return;
    }
    if (waiting(&s->up) > 0)
        set[1].events |= POLLOUT;
    else if (!s->up.ended)
        set[0].events |= POLLIN;
    if (waiting(&s->down) > 0)
        set[0].events |= POLLOUT;
    else if (!s->down.ended)
        set[1].events |= POLLIN;
    /* Ignore a side that we want nothing from; otherwise its hang-up would wake us again and again. */
    for (int i = 0; i < 2; i++)
        if (set[i].events == 0)
            set[i].fd = -1;
}

static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *const a4 = (const void *)a, *const b4 = (const void *)b;
    const struct sockaddr_in6 *const a6 = (const void *)a, *const b6 = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* Any process on this machine could connect to the listener. We accept only the program's socket. */
static bool accept_program(struct dns_session *s)
{
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    const int fd = accept4(s->program, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR;
    if (!is_same_address(&from, &s->what.program)) {
        close(fd);
        return true;
    }
    close(s->program);
    s->program = fd;
    s->accepted = true;
    return true;
}

/*
 * True if the bytes are another protocol's. Otherwise they would wait forever for a DNS message to become
 * complete.
 */
static bool is_foreign(const struct dns_session *s, const struct stream_way *way, const uint8_t *at,
                       size_t left)
{
    enum { HEAD = 12, IS_ANSWER = 0x80 };

    if (way == &s->down)
        return left > 0 && s->questions.next == 0;
    return left >= LENGTH + HEAD &&
           ((at[LENGTH + 2] & IS_ANSWER) || at[LENGTH + 4] != 0 || at[LENGTH + 5] != 1);
}

/* Reads the messages that are complete by now. Returns false if one of them must not be passed on. */
static bool read_messages(struct dns_session *s, struct stream_way *way, struct forwarder_state *state)
{
    for (;;) {
        const size_t left = way->used - way->message;
        const uint8_t *const at = way->bytes + way->message;
        size_t length;

        if (!s->opaque && is_foreign(s, way, at, left)) {
            s->opaque = true;
            atomic_store(&state->unseen, true);
        }
        if (s->opaque) {
            way->message = way->used;
            return true;
        }
        if (left < LENGTH)
            return true;
        length = (size_t)at[0] << 8 | at[1];
        if (left < LENGTH + length)
            return true;
        if (way == &s->up) {
            s->opaque = !questions_note(&s->questions, at + LENGTH, length);
            if (s->opaque)
                atomic_store(&state->unseen, true);
        } else if (!questions_answer(&s->questions, at + LENGTH, length)) {
            return false;
        }
        way->message += LENGTH + length;
    }
}

/* Returns false if the connection fails. */
static bool fill(struct dns_session *s, struct stream_way *way, int from, struct forwarder_state *state)
{
    ssize_t got;

    /* All complete messages have been sent by now. */
    memmove(way->bytes, way->bytes + way->sent, way->used - way->sent);
    way->used -= way->sent;
    way->message -= way->sent;
    way->sent = 0;
    got = recv(from, way->bytes + way->used, sizeof way->bytes - way->used, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        way->ended = true;
    way->used += (size_t)got;
    return read_messages(s, way, state);
}

/* While the connection to the server is still being made, send(2) fails with EAGAIN. */
static bool drain(struct stream_way *way, int to)
{
    const ssize_t sent =
        waiting(way) == 0 ? 0 : send(to, way->bytes + way->sent, waiting(way), MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    way->sent += (size_t)sent;
    if (way->ended && !way->shut && waiting(way) == 0) {
        way->shut = true;
        shutdown(to, SHUT_WR);
    }
    return true;
}

bool dns_stream_serve(struct dns_session *s, const struct pollfd set[2], struct forwarder_state *state)
{
    static const short readable = POLLIN | POLLHUP | POLLERR;

    if (!s->accepted)
        return !set[0].revents || accept_program(s);
    if ((set[0].revents & readable) && waiting(&s->up) == 0 && !s->up.ended &&
        !fill(s, &s->up, s->program, state))
        return false;
    if ((set[1].revents & readable) && waiting(&s->down) == 0 && !s->down.ended &&
        !fill(s, &s->down, s->server, state))
        return false;
    if (!drain(&s->up, s->server) || !drain(&s->down, s->program))
        return false;
    return !(s->up.shut && s->down.shut);
}
