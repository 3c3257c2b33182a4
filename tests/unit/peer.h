/*
 * A mail server for the unit tests. It plays one side of a dialogue from a script, over a socket pair.
 *
 * A script is a list of steps that ends with NULL. The first letter says what a step does:
 *   S text   send the text, in one piece (or byte by byte if the test asks for it)
 *   C text   expect exactly this line from the client; CRLF is added
 *   c        read any line from the client
 *   E text   send the text again and again until the client has gone
 *   D text   the same, one byte every millisecond
 *   X        close
 *   R        wait until the client says something, and close without reading it: a reset
 * In a text, %t is a tag (an expected line from the client sets it, to what is before its first space), %0 a
 * NUL byte, %% a percent sign. After the last step the server waits until the client has gone, and keeps what
 * the client still says in `more`.
 */
#ifndef RETROTLS_TESTS_UNIT_PEER_H
#define RETROTLS_TESTS_UNIT_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay/protocol/protocol.h"
#include "tests/unit/cmocka_all.h"

enum { STEPS_LIMIT = 16 };

struct peer {
    const char *const *script;
    bool bytewise;
    int fd;
    char tag[64];
    char wrong[512]; /* what the client said that is not in the script */
    char more[512];
    size_t more_length;
};

/* The result of a negotiation. */
struct result {
    enum outcome outcome;
    const struct protocol *protocol;
    struct greeting greeting;
    struct failure why;
    struct peer peer;
    bool left_over;      /* the server's bytes were not read */
    unsigned upgradings; /* how often `upgrading` of struct plain was called */
};

static inline size_t peer_expand(const struct peer *p, const char *text, char *out, size_t size)
{
    size_t length = 0;

    for (; *text && length + 128 < size; text++) {
        if (text[0] == '%' && text[1] == 't') {
            length += (size_t)snprintf(out + length, size - length, "%s", p->tag);
            text++;
        } else if (text[0] == '%' && text[1] == '0') {
            out[length++] = '\0';
            text++;
        } else if (text[0] == '%' && text[1] == '9') {
            memset(out + length, 'x', 100);
            length += 100;
            text++;
        } else {
            out[length++] = *text;
        }
    }
    return length;
}

static inline bool peer_send(struct peer *p, const char *bytes, size_t length, size_t piece)
{
    for (size_t at = 0; at < length; at += piece) {
        const size_t part = length - at < piece ? length - at : piece;

        if (send(p->fd, bytes + at, part, MSG_NOSIGNAL) != (ssize_t)part)
            return false;
    }
    return true;
}

static inline bool peer_expect(struct peer *p, const char *text)
{
    char got[512], wanted[512];
    size_t length = 0;

    while (length < sizeof got - 1 && recv(p->fd, got + length, 1, 0) == 1) {
        if (got[length++] == '\n')
            break;
    }
    got[length] = '\0';
    if (strncmp(text, "%t ", 3) == 0)
        snprintf(p->tag, sizeof p->tag, "%.*s", (int)strcspn(got, " "), got);
    length = peer_expand(p, text, wanted, sizeof wanted - 2);
    memcpy(wanted + length, "\r\n", 3);
    if (strcmp(got, wanted) == 0)
        return true;
    snprintf(p->wrong, sizeof p->wrong, "%s", got[0] ? got : "(nothing)");
    return false;
}

static inline void *peer_run(void *argument)
{
    struct peer *p = argument;
    static const struct timespec millisecond = {.tv_nsec = 1000000};
    ssize_t got;

    for (const char *const *step = p->script; *step && !p->wrong[0]; step++) {
        char text[16384];
        const size_t length = peer_expand(p, *step + 1, text, sizeof text);

        switch ((*step)[0]) {
        case 'S':
            peer_send(p, text, length, p->bytewise ? 1 : length);
            break;
        case 'C':
            peer_expect(p, *step + 1);
            break;
        case 'c':
            while (recv(p->fd, text, 1, 0) == 1 && text[0] != '\n')
                ;
            break;
        case 'E':
            while (peer_send(p, text, length, length))
                ;
            break;
        case 'D':
            for (size_t at = 0; peer_send(p, text + at, 1, 1); at = (at + 1) % length)
                nanosleep(&millisecond, NULL);
            break;
        case 'R':
            while (recv(p->fd, text, 1, MSG_PEEK) < 0)
                ;
            close(p->fd);
            p->fd = -1;
            return NULL;
        case 'X':
            shutdown(p->fd, SHUT_RDWR);
            break;
        default:
            snprintf(p->wrong, sizeof p->wrong, "no such step: %s", *step);
        }
    }
    while ((got = recv(p->fd, p->more + p->more_length, sizeof p->more - p->more_length, 0)) > 0)
        p->more_length += (size_t)got;
    close(p->fd);
    return NULL;
}

static inline struct local_address peer_loopback(void)
{
    struct local_address local = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&local.address;

    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return local;
}

static inline void peer_start(struct peer *p, pthread_t *thread, const char *const *script, bool bytewise,
                              int *client)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *p = (struct peer){.script = script, .bytewise = bytewise, .fd = ends[1]};
    *client = ends[0];
    assert_int_equal(pthread_create(thread, NULL, peer_run, p), 0);
}

/* A dialogue that counts the calls of `upgrading`. */
struct counting {
    struct plain plain;
    unsigned upgradings;
};

static inline void peer_count_upgrading(struct plain *plain)
{
    ((struct counting *)plain)->upgradings++;
}

/* Negotiates with a server that follows `script`. `program`: the relay's end of the program's pair, or -1. */
static inline void negotiate_for(int program, struct result *r, const struct settings *settings,
                                 uint16_t port, bool bytewise, const struct local_address *local,
                                 const char *const *script)
{
    struct transport transport;
    struct counting counting = {.plain = {.transport = &transport,
                                          .program = program,
                                          .server = "mail.example.org",
                                          .upgrading = peer_count_upgrading}};
    struct plain *const plain = &counting.plain;
    pthread_t thread;
    int client;

    *r = (struct result){.outcome = FAILED};
    peer_start(&r->peer, &thread, script, bytewise, &client);
    transport_over_socket(&transport, client);
    r->outcome = negotiate(plain, settings, port, local, &r->protocol, &r->greeting, &r->why);
    r->left_over = !plain_is_empty(plain);
    r->upgradings = counting.upgradings;
    close(client);
    pthread_join(thread, NULL);
    assert_ptr_equal(plain->transport, &transport);
    assert_true((r->outcome == READY) == (r->why.kind == FAILURE_NONE));
    assert_true((r->why.text[0] == '\0') == (r->why.kind == FAILURE_NONE));
}

static inline void negotiate_with(struct result *r, const struct settings *settings, uint16_t port,
                                  bool bytewise, const struct local_address *local, const char *const *script)
{
    negotiate_for(-1, r, settings, port, bytewise, local, script);
}

/* A dialogue and its expected result. */
struct dialogue {
    const char *name;
    enum outcome outcome;
    enum failure_kind kind;
    const char *script[STEPS_LIMIT];
    const char *said; /* part of the failure's text */
};

/* How often a script expects to be asked for TLS; "any line" (c) after the offer is that, too. */
static inline unsigned peer_requests_for_tls(const struct protocol *p, const char *const *script)
{
    const size_t length = strlen(p->upgrade_command);
    unsigned count = 0;

    for (; *script; script++) {
        const size_t all = strlen(*script);

        if (strcmp(*script, "c") == 0 ||
            ((*script)[0] == 'C' && all > length && strcmp(*script + all - length, p->upgrade_command) == 0))
            count++;
    }
    return count;
}

static inline void check_dialogue(const struct dialogue *d, enum protocol_kind kind, bool bytewise)
{
    const struct settings settings = {
        .level = LEVEL_SECURE, .protocol = kind, .timeout = 30, .greeting_timeout = 30};
    const struct local_address local = peer_loopback();
    struct result r;

    negotiate_with(&r, &settings, 0, bytewise, &local, d->script);
    if (r.outcome != d->outcome || r.why.kind != d->kind || r.peer.wrong[0] || r.peer.more_length ||
        !strstr(r.why.text, d->said ? d->said : "") ||
        (r.outcome != READY && !strstr(r.why.text, "mail.example.org")))
        fail_msg("%s%s: outcome %d, not %d; %s instead of %s (%s); client said wrongly: %s; and then: %.*s",
                 d->name, bytewise ? " (bytewise)" : "", r.outcome, d->outcome, failure_name(r.why.kind),
                 failure_name(d->kind), r.why.text, r.peer.wrong, (int)r.peer.more_length, r.peer.more);
    assert_int_equal(r.protocol->kind, kind);
    if (r.outcome == READY)
        assert_false(r.left_over);
    assert_int_equal(r.upgradings, peer_requests_for_tls(r.protocol, d->script));
}

/*
 * Plays every dialogue of the list as written. Dialogues that need not fail because of bytes that arrive
 * together are also played byte by byte: cutting the server's words into pieces must not change their
 * meaning, but surplus bytes may then arrive too late to be noticed.
 */
static inline void check_dialogues(const struct dialogue *list, size_t count, enum protocol_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        check_dialogue(&list[i], kind, false);
        if (list[i].kind != FAILURE_EARLY_BYTES && list[i].kind != FAILURE_LATE_BYTES)
            check_dialogue(&list[i], kind, true);
    }
}

#endif
