/*
 * What a hostile program sends to a relay that serves another connection: any messages, with the right token
 * or not, with any descriptors except those of the other connection. The other connection must go on, nothing
 * may wait for the sender, and nothing of it may be left when it has gone.
 *
 * Input: for each request, a byte that says which descriptors go with it (bits of enum descriptor), two bytes
 * of length, and that many bytes. COOKIE in them stands for the cookie of the other connection, OWN for that
 * of the end sent along.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "relay/connection.h"
#include "relay/request.h"
#include "relay/session.h"
#include "wire/wire.h"

#define MUST(condition) ((condition) ? (void)0 : abort())
#define COOKIE "OTHERONE"
#define OWN "ITS OWN!"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum descriptor {
    TCP = 1,
    RELAY_END = 2,
    PROGRAM_END = 4,
    A_FILE = 8,
    MANY = 16,
    REQUESTS = 4,
    DESCRIPTORS = 64
};

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";
static int program, server; /* of the other connection */
static uint64_t cookie;
static int file[2]; /* a pipe, which shows when its other end is closed */

static uint64_t cookie_of(int fd)
{
    uint64_t shown = 0;
    socklen_t length = sizeof shown;

    MUST(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &shown, &length) == 0);
    return shown;
}

static void tcp_pair(int pair[2])
{
    static struct sockaddr_in at = {.sin_family = AF_INET};
    static const struct linger cut = {.l_onoff = 1};
    static int listener;
    socklen_t length = sizeof at;
    sigset_t alarm, before;
    int connected;

    if (listener == 0) {
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener = socket(AF_INET, SOCK_STREAM, 0);
        MUST(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 16) == 0 &&
             getsockname(listener, (struct sockaddr *)&at, &length) == 0);
    }
    /* libFuzzer's alarm would interrupt connect(). */
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, &before);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    connected = connect(pair[0], (struct sockaddr *)&at, sizeof at);
    if (connected != 0)
        perror("connect"); /* the machine's fault, not the relay's */
    MUST(connected == 0);
    pair[1] = accept(listener, NULL, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    MUST(pair[1] >= 0);
    /* Closing resets the connection: with TIME_WAIT, the machine would run out of ports in seconds. */
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &cut, sizeof cut) == 0);
}

/* Sends a request as any process can, and has the relay serve it. The relay must not wait for anything. */
static void ask(const uint8_t *message, size_t length, const int *descriptors, size_t count)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * 16)];
    } control = {.room = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    int pair[2];

    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    if (count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(&control.head), descriptors, sizeof(int) * count);
    }
    MUST(sendmsg(pair[0], &header, 0) == (ssize_t)length);
    MUST(request_serve(pair[1]));
    close(pair[0]);
    close(pair[1]);
}

/* libFuzzer's alarm interrupts system calls. */
static size_t receive(int fd, char *to, size_t size)
{
    size_t got = 0;

    while (got < size) {
        const ssize_t n = recv(fd, to + got, size - got, 0);

        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

static void expect(int fd, const char *text)
{
    char got[64] = "";
    const size_t length = strlen(text);

    MUST(receive(fd, got, length) == length && memcmp(got, text, length) == 0);
}

static void tell(int fd, const char *text)
{
    MUST(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

static void receive_line(int fd, char *line, size_t size)
{
    size_t used = 0;

    while (used + 1 < size && receive(fd, line + used, 1) == 1 && line[used++] != '\n')
        ;
    line[used] = '\0';
}

/* The other connection: IMAP at level `may`, with a server that has no TLS. */
static void open_the_other(void)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct guard_request r = {
        .filler = 1,
        .asked_address = {.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}},
        .asked = {.count = 1, .item = {"mail.example"}},
        .settings = {.level = LEVEL_MAY, .timeout = 60, .greeting_timeout = 60, .log = "none"}};
    int pair[2], tcp[2];
    char line[128];

    signal(SIGPIPE, SIG_IGN);
    monitor_set_token(token);
    monitor_set_relay_name("00112233445566778899aabbccddeeff");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && send(pair[0], "", 1, 0) == 1);
    tcp_pair(tcp);
    program = pair[0];
    server = tcp[1];
    r.cookie = cookie = cookie_of(program);
    memcpy(r.token, token, sizeof token);
    ask(message, wire_write_guard(message, &r), (int[]){tcp[0], pair[1], pair[0]}, 3);
    close(tcp[0]);
    close(pair[1]);
    tell(server, "* OK hello\r\n");
    receive_line(server, line, sizeof line);
    MUST(strstr(line, " CAPABILITY\r\n"));
    tell(server, "* CAPABILITY IMAP4rev1\r\n");
    *strchr(line, ' ') = '\0';
    tell(server, line);
    tell(server, " OK done\r\n");
    receive_line(program, line, sizeof line);
    MUST(strncmp(line, "* OK", 4) == 0);
}

static void the_other_goes_on(void)
{
    tell(program, "a1 NOOP\r\n");
    expect(server, "a1 NOOP\r\n");
    tell(server, "a1 OK\r\n");
    expect(program, "a1 OK\r\n");
}

static void replace(uint8_t *bytes, size_t length, const char *from, uint64_t to)
{
    uint8_t *at = bytes;

    while ((at = memmem(at, length - (size_t)(at - bytes), from, sizeof to)) != NULL)
        memcpy(at, &to, sizeof to);
}

/* Whoever has the token is the user, and may name the user's files and log. The fuzzer must not. */
static bool reaches_out(const uint8_t *message, size_t length)
{
    struct guard_request r;
    const struct settings *const s = &r.settings;

    return wire_read_guard(&r, message, length) &&
           (s->ca_file || s->ca_dir || s->crl_file || s->client_cert || s->client_key || !s->log ||
            strcmp(s->log, "none") != 0);
}

static void send_request(uint8_t *message, size_t length, unsigned which)
{
    int pair[2], tcp[2], descriptors[16];
    size_t count = 0;

    if (length == 0)
        return;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && send(pair[0], "", 1, 0) == 1);
    tcp_pair(tcp);
    replace(message, length, COOKIE, cookie);
    replace(message, length, OWN, cookie_of(pair[0]));
    if (which & TCP)
        descriptors[count++] = tcp[0];
    if (which & RELAY_END)
        descriptors[count++] = pair[1];
    if (which & PROGRAM_END)
        descriptors[count++] = pair[0];
    if (which & A_FILE)
        descriptors[count++] = file[1];
    for (int i = 0; which & MANY && i < 10; i++)
        descriptors[count++] = tcp[1];
    if (!reaches_out(message, length))
        ask(message, length, descriptors, count);
    close(pair[0]);
    close(pair[1]);
    close(tcp[0]);
    close(tcp[1]);
}

static void nothing_is_left(void)
{
    const struct timespec moment = {.tv_nsec = 100000};
    struct pollfd end = {.events = 0};
    int ready;

    for (int i = 0; connections() > 1; i++) {
        MUST(i < 50000);
        nanosleep(&moment, NULL);
    }
    /* If everything that was sent along is closed, nobody else has the other end. */
    close(file[1]);
    end.fd = file[0];
    do
        ready = poll(&end, 1, 5000);
    while (ready < 0 && errno == EINTR);
    MUST(ready == 1 && end.revents & POLLHUP);
    close(file[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    size_t at = 0;

    if (program == 0)
        open_the_other();
    MUST(pipe2(file, O_CLOEXEC) == 0);
    for (int i = 0; i < REQUESTS && size - at > 3; i++) {
        const unsigned which = data[at];
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2];

        at += 3;
        if (length > size - at)
            length = size - at;
        if (length > sizeof message)
            length = sizeof message;
        memcpy(message, data + at, length);
        send_request(message, length, which);
        at += length;
    }
    the_other_goes_on();
    nothing_is_left();
    return 0;
}
