#include "tests/unit/request_peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "monitor/monitor.h"
#include "relay/connection.h"
#include "relay/request.h"
#include "relay/session.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"
#include "wire/wire.h"

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

uid_t request_user;

int request_start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    request_user = geteuid();
    monitor_set_token(token);
    monitor_set_relay_name("00112233445566778899aabbccddeeff");
    return 0;
}

static struct request_asked ask(const uint8_t *message, size_t length, const int *descriptors, size_t count,
                                int *connection)
{
    _Alignas(8) uint8_t bytes[4096];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * 8)];
    } control = {.room = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    struct request_asked asked = {.answered = -1, .descriptor = -1};
    struct wire_reply reply;
    int pair[2];
    ssize_t n;

    assert_int_equal(seteuid(request_user), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(seteuid(getuid()), 0);
    assert_false(request_serve(pair[1])); /* must not wait, as nothing has come */
    if (count > 0) {
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(&control.head), descriptors, sizeof(int) * count);
    }
    assert_int_equal(sendmsg(pair[0], &header, 0), length);
    assert_true(request_serve(pair[1]));
    close(pair[1]);
    part = (struct iovec){.iov_base = bytes, .iov_len = sizeof bytes};
    header = (struct msghdr){
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    n = recvmsg(pair[0], &header, 0);
    if (n > 0 && wire_read_reply(&reply, bytes, (size_t)n)) {
        asked.answered = reply.error;
        asked.length = reply.value_length;
        if (reply.value_length > 0)
            memcpy(asked.value, reply.value, reply.value_length);
        if (header.msg_controllen >= CMSG_LEN(sizeof(int)))
            memcpy(&asked.descriptor, CMSG_DATA(&control.head), sizeof(int));
    }
    *connection = pair[0];
    return asked;
}

struct request_asked request_ask(const uint8_t *message, size_t length, const int *descriptors, size_t count)
{
    int connection;
    const struct request_asked asked = ask(message, length, descriptors, count, &connection);

    close(connection);
    return asked;
}

uint64_t request_cookie(int fd)
{
    uint64_t cookie;
    socklen_t length = sizeof cookie;
    struct stat file;

    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0)
        return cookie;
    assert_int_equal(fstat(fd, &file), 0);
    return WIRE_COOKIE_OF_INODE | file.st_ino;
}

void request_make(struct request_made *m)
{
    int pair[2], tcp[2];

    memset(m, 0, sizeof *m);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_tcp_pair(tcp);
    m->program = pair[0];
    m->relay_end = pair[1];
    m->tcp = tcp[0];
    m->server = tcp[1];
    assert_int_equal(send(m->program, "", 1, 0), 1);
    m->request.cookie = request_cookie(m->program);
    memcpy(m->request.token, token, sizeof token);
    m->request.pid = (uint32_t)getpid();
    m->request.filler = 1;
    m->request.asked_address = (struct wire_address){.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}};
    m->request.asked = peer_names("mail.example", NULL);
    m->request.settings = (struct settings){.level = LEVEL_MAY, .log = "none"};
}

int request_hand_over(struct request_made *m)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int descriptors[] = {m->tcp, m->relay_end, m->program};
    const size_t length = wire_write_guard(message, &m->request);

    assert_true(length > 0);
    return request_ask(message, length, descriptors, 3).answered;
}

int request_hand_over_to_be_told(struct request_made *m)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int descriptors[] = {m->tcp, m->relay_end, m->program};
    int connection;

    m->request.pending = WIRE_PENDING_REPORTED;
    assert_int_equal(
        ask(message, wire_write_guard(message, &m->request), descriptors, 3, &connection).answered, 0);
    return connection;
}

int request_outcome(int connection)
{
    _Alignas(8) uint8_t bytes[4096];
    struct wire_reply reply;
    const ssize_t n = recv(connection, bytes, sizeof bytes, 0);

    close(connection);
    if (n == 0)
        return -1;
    assert_true(n > 0 && wire_read_reply(&reply, bytes, (size_t)n));
    return reply.error;
}

void request_close_relays_side(struct request_made *m)
{
    close(m->relay_end);
    close(m->tcp);
    m->relay_end = m->tcp = -1;
}

/* The relay's threads end when both sides are closed. */
void request_unmake(struct request_made *m)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    request_close_relays_side(m);
    close(m->program);
    close(m->server);
    for (int i = 0; i < 20000 && connections() > 0; i++)
        nanosleep(&moment, NULL);
    assert_int_equal(connections(), 0);
}

bool request_is_closed(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char byte;
    ssize_t n;

    if (poll(&polled, 1, 20000) != 1)
        return false;
    n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

void request_name_of_peer(int fd, char *text, size_t size)
{
    struct sockaddr_un name = {.sun_family = 0};
    socklen_t length = sizeof name;

    text[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&name, &length) == 0 && length > sizeof name.sun_family)
        snprintf(text, size, "%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
                 name.sun_path + 1);
}

void request_expect_text(int fd, const char *text)
{
    char got[512] = "";

    assert_true(strlen(text) < sizeof got);
    assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
    assert_string_equal(got, text);
}
