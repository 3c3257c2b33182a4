/*
 * What is asked of the relay, and by whom: only the program that started it may hand connections over, and
 * only who holds a descriptor may touch the connection behind it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "relay/connection.h"
#include "relay/request.h"
#include "relay/session.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"
#include "wire/wire.h"

static const uint8_t token[WIRE_TOKEN_SIZE] = "the right token";

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    request_set_token(token);
    session_set_relay_name("00112233445566778899aabbccddeeff");
    return 0;
}

/* A program's side of a request. */
struct asked {
    int answered; /* the reply's error; -1: none came */
    uint8_t value[WIRE_VALUE_LIMIT];
    uint32_t length;
    int descriptor; /* that came with it; -1: none */
};

static struct asked ask(const uint8_t *message, size_t length, const int *descriptors, size_t count)
{
    _Alignas(8) uint8_t bytes[4096];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * 8)];
    } control = {.room = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    struct asked asked = {.answered = -1, .descriptor = -1};
    struct wire_reply reply;
    int pair[2];
    ssize_t n;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_false(request_serve(pair[1])); /* nothing has come: it does not wait */
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
    close(pair[0]);
    return asked;
}

/* One connection, as the library makes it. */
struct made {
    int program, relay_end; /* the pair */
    int tcp, server;
    struct guard_request request;
};

static void make(struct made *m)
{
    int pair[2], tcp[2];
    socklen_t length = sizeof m->request.cookie;

    memset(m, 0, sizeof *m);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer_tcp_pair(tcp);
    m->program = pair[0];
    m->relay_end = pair[1];
    m->tcp = tcp[0];
    m->server = tcp[1];
    assert_int_equal(send(m->program, "", 1, 0), 1);
    assert_int_equal(getsockopt(m->program, SOL_SOCKET, SO_COOKIE, &m->request.cookie, &length), 0);
    memcpy(m->request.token, token, sizeof token);
    m->request.pid = (uint32_t)getpid();
    m->request.filler = 1;
    m->request.asked_address = (struct wire_address){.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}};
    m->request.asked = peer_names("mail.example", NULL);
    m->request.settings = (struct settings){.level = LEVEL_MAY, .log = "none"};
}

static int hand_over(struct made *m)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int descriptors[] = {m->tcp, m->relay_end};
    const size_t length = wire_write_guard(message, &m->request);

    assert_true(length > 0);
    return ask(message, length, descriptors, 2).answered;
}

static void close_relays_side(struct made *m)
{
    close(m->relay_end);
    close(m->tcp);
    m->relay_end = m->tcp = -1;
}

/* The relay's threads end when both sides have gone. */
static void unmake(struct made *m)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    close_relays_side(m);
    close(m->program);
    close(m->server);
    for (int i = 0; i < 20000 && connections() > 0; i++)
        nanosleep(&moment, NULL);
    assert_int_equal(connections(), 0);
}

static bool is_closed(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char byte;
    ssize_t n;

    if (poll(&polled, 1, 20000) != 1)
        return false;
    n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void name_of_peer(int fd, char *text, size_t size)
{
    struct sockaddr_un name = {.sun_family = 0};
    socklen_t length = sizeof name;

    text[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&name, &length) == 0 && length > sizeof name.sun_family)
        snprintf(text, size, "%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
                 name.sun_path + 1);
}

static void expect_text(int fd, const char *text)
{
    char got[512] = "";

    assert_true(strlen(text) < sizeof got);
    assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
    assert_string_equal(got, text);
}

/* ---- handing over ---- */

static void a_connection_is_taken_over_and_named(void **state)
{
    struct made m;
    char name[128], wanted[128];

    (void)state;
    make(&m);
    assert_int_equal(hand_over(&m), 0);
    snprintf(wanted, sizeof wanted, "retrotls/1 ok 00112233445566778899aabbccddeeff %llx",
             (unsigned long long)m.request.cookie);
    name_of_peer(m.program, name, sizeof name);
    assert_string_equal(name, wanted);
    close_relays_side(&m);
    assert_int_equal(send(m.server, "* BYE busy\r\n", 12, 0), 12);
    expect_text(m.program, "* BYE retrotls: ");
    unmake(&m);
}

static void a_wrong_token_is_refused_and_nothing_kept(void **state)
{
    (void)state;
    for (int bit = 0; bit < 8 * WIRE_TOKEN_SIZE; bit += 5) {
        struct made m;

        make(&m);
        m.request.token[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(hand_over(&m), EPERM);
        assert_int_equal(connections(), 0);
        close_relays_side(&m);
        assert_true(is_closed(m.program)); /* the relay holds none of the descriptors */
        assert_true(is_closed(m.server));
        unmake(&m);
    }
}

static void what_is_no_connection_is_refused(void **state)
{
    struct made m;
    int real;

    (void)state;
    make(&m);
    real = m.tcp;
    m.tcp = m.program;
    assert_int_equal(hand_over(&m), EINVAL); /* a UNIX socket for TCP */
    m.tcp = real;
    real = m.relay_end;
    m.relay_end = m.server;
    assert_int_equal(hand_over(&m), EINVAL); /* TCP for the pair */
    m.relay_end = STDIN_FILENO;
    assert_int_equal(hand_over(&m), EINVAL);
    m.relay_end = real;
    m.request.filler = 0;
    assert_int_equal(hand_over(&m), EINVAL); /* no seed byte */
    m.request.filler = 1;
    m.request.settings.level = LEVEL_NONE;
    assert_int_equal(hand_over(&m), EINVAL);
    assert_int_equal(connections(), 0);
    unmake(&m);
}

static void what_is_no_message_is_refused(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int many[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    struct made m;
    size_t length;

    (void)state;
    make(&m);
    length = wire_write_guard(message, &m.request);
    assert_int_equal(ask(message, length, NULL, 0).answered, EINVAL);
    assert_int_equal(ask(message, length, many, 8).answered, EMFILE); /* more than it has room for */
    assert_int_equal(ask(message, length - 4, NULL, 0).answered, EBADMSG);
    assert_int_equal(ask(message, 3, NULL, 0).answered, EBADMSG);
    message[4] ^= 2; /* another version */
    assert_int_equal(ask(message, length, NULL, 0).answered, EBADMSG);
    memset(message, 0xff, sizeof message);
    assert_int_equal(ask(message, sizeof message, NULL, 0).answered, EBADMSG);
    unmake(&m);
}

/* Filler that is not there: the pair is no pair of ours. It must not be waited for. */
static void missing_filler_closes_the_connection(void **state)
{
    struct made m;

    (void)state;
    make(&m);
    m.request.filler = 100000;
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    assert_true(is_closed(m.program));
    unmake(&m);
}

/* ---- a connect() under way ---- */

static size_t fill(int fd)
{
    static char block[65536];
    size_t all = 0;
    ssize_t n;

    while ((n = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        all += (size_t)n;
    return all;
}

/* Replaces the TCP socket by one whose connect() to `address` has just begun. */
static void connect_anew(struct made *m, const struct sockaddr_in *address)
{
    close(m->tcp);
    m->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(m->tcp, (const struct sockaddr *)address, sizeof *address);
    m->request.pending = 1;
    m->request.filler += (uint32_t)fill(m->program);
}

static void make_address(struct sockaddr_in *address, int *listener)
{
    socklen_t length = sizeof *address;

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(*listener, (struct sockaddr *)address, &length), 0);
}

static void a_connect_that_works_makes_the_program_writable(void **state)
{
    struct sockaddr_in address;
    struct pollfd polled = {.events = POLLOUT};
    struct made m;
    char name[128];
    int listener;

    (void)state;
    make(&m);
    make_address(&address, &listener);
    listen(listener, 1);
    connect_anew(&m, &address);
    polled.fd = m.program;
    assert_int_equal(poll(&polled, 1, 0), 0);
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_int_equal(polled.revents, POLLOUT);
    name_of_peer(m.program, name, sizeof name);
    assert_int_equal(strncmp(name, "retrotls/1 ok ", 14), 0);
    close(listener);
    unmake(&m);
}

/* As after a refused connect() over TCP: and the socket comes back with what the program had set on it. */
static void a_refused_connect_is_told_and_the_socket_comes_back(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct option_request back = {.cookie = 0};
    struct sockaddr_in address;
    struct pollfd polled = {.events = POLLOUT};
    struct asked asked;
    struct made m;
    char name[128], wanted[128];
    const int idle = 77;
    int listener, value = 0, error;
    socklen_t length = sizeof value;

    (void)state;
    make(&m);
    make_address(&address, &listener); /* bound, not listening: refused */
    connect_anew(&m, &address);
    assert_int_equal(setsockopt(m.tcp, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle), 0);
    polled.fd = m.program;
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_true(polled.revents & POLLERR && polled.revents & POLLHUP);
    /* The kernel frees what was not read just after it has told of the end (unix_release_sock()): writable
     * then. */
    while (!(polled.revents & POLLOUT))
        assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_int_equal(polled.revents, POLLOUT | POLLERR | POLLHUP);
    snprintf(wanted, sizeof wanted, "retrotls/1 E%d 00112233445566778899aabbccddeeff %llx", ECONNREFUSED,
             (unsigned long long)m.request.cookie);
    name_of_peer(m.program, name, sizeof name);
    assert_string_equal(name, wanted);
    length = sizeof error;
    assert_int_equal(getsockopt(m.program, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    assert_int_equal(error, ECONNRESET); /* which the library turns into the name's */

    back.cookie = m.request.cookie;
    asked = ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.server, 1);
    assert_int_equal(asked.answered, EPERM); /* not by one who has another descriptor */
    asked = ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(asked.answered, 0);
    length = sizeof value;
    assert_int_equal(getsockopt(asked.descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length), 0);
    assert_int_equal(value, 77);
    close(asked.descriptor);
    asked = ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(asked.answered, ENOTCONN); /* once */
    close(listener);
    unmake(&m);
}

/* A program that gives up a connect() that nobody answers frees the thread at once. */
static void a_program_that_gives_up_connecting_is_forgotten(void **state)
{
    struct sockaddr_in address;
    struct made m;
    int listener, taken[3];

    (void)state;
    make(&m);
    make_address(&address, &listener);
    listen(listener, 0);
    for (int i = 0; i < 3; i++) { /* the queue is full: further SYNs are not answered */
        taken[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(taken[i], (struct sockaddr *)&address, sizeof address);
    }
    connect_anew(&m, &address);
    assert_int_equal(hand_over(&m), 0);
    assert_int_equal(connections(), 1);
    unmake(&m);
    for (int i = 0; i < 3; i++)
        close(taken[i]);
    close(listener);
}

/* ---- options ---- */

static struct asked option(struct made *m, enum wire_type type, int level, int name, int value, int proof)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const struct option_request r = {.cookie = m->request.cookie,
                                     .level = level,
                                     .name = name,
                                     .size = sizeof value,
                                     .value = (const uint8_t *)&value,
                                     .value_length = type == WIRE_SET_OPTION ? sizeof value : 0};

    return ask(message, wire_write_option(message, type, &r), &proof, proof >= 0);
}

static void options_reach_the_real_socket(void **state)
{
    struct made m;
    struct asked asked;
    int tcp, value = 0;
    socklen_t length = sizeof value;

    (void)state;
    make(&m);
    tcp = dup(m.tcp);
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 55, m.program).answered, 0);
    assert_int_equal(getsockopt(tcp, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length), 0);
    assert_int_equal(value, 55);
    asked = option(&m, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, m.program);
    assert_int_equal(asked.answered, 0);
    assert_int_equal(asked.length, sizeof value);
    memcpy(&value, asked.value, sizeof value);
    assert_int_equal(value, 55);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, -1, m.program).answered, EINVAL);
    assert_int_equal(option(&m, WIRE_GET_OPTION, SOL_SOCKET, SO_KEEPALIVE, 0, m.program).answered, 0);
    assert_int_equal(option(&m, WIRE_GET_OPTION, IPPROTO_IP, IP_TOS, 0, m.program).answered, 0);
    /* What would reach into the relay's memory, or change the stream under it. */
    assert_int_equal(option(&m, WIRE_SET_OPTION, SOL_SOCKET, SO_ATTACH_FILTER, 0, m.program).answered,
                     ENOPROTOOPT);
    assert_int_equal(option(&m, WIRE_SET_OPTION, SOL_SOCKET, SO_ATTACH_BPF, 0, m.program).answered,
                     ENOPROTOOPT);
    assert_int_equal(option(&m, WIRE_GET_OPTION, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, 0, m.program).answered,
                     ENOPROTOOPT);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_TCP, TCP_ULP, 0, m.program).answered, ENOPROTOOPT);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_TCP, TCP_REPAIR, 1, m.program).answered,
                     ENOPROTOOPT);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_IP, 64, 0, m.program).answered, ENOPROTOOPT);
    close(tcp);
    unmake(&m);
}

/* SIOCOUTQ: what the program wrote and the server has not got. */
static void what_is_not_sent_yet_is_told(void **state)
{
    struct made m;
    struct asked asked;
    char byte;
    int unsent;

    (void)state;
    make(&m);
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    asked = option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program);
    assert_int_equal(asked.answered, 0);
    assert_int_equal(asked.length, sizeof unsent);
    memcpy(&unsent, asked.value, sizeof unsent);
    assert_int_equal(unsent, 0);
    /* Held back until the session has begun, which it never does here. */
    assert_int_equal(send(m.program, "twelve bytes", 12, 0), 12);
    asked = option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program);
    memcpy(&unsent, asked.value, sizeof unsent);
    assert_int_equal(unsent, 12);
    assert_int_equal(recv(m.server, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, FIONREAD, 0, m.program).answered, ENOTTY);
    assert_int_equal(option(&m, WIRE_SET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program).answered,
                     ENOPROTOOPT);
    unmake(&m);
}

static void only_the_holder_of_the_descriptor_may_touch_its_connection(void **state)
{
    struct made one, other;

    (void)state;
    make(&one);
    make(&other);
    assert_int_equal(hand_over(&one), 0);
    assert_int_equal(hand_over(&other), 0);
    assert_int_equal(option(&one, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 9, other.program).answered,
                     EPERM);
    assert_int_equal(option(&one, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 9, one.server).answered, EPERM);
    assert_int_equal(option(&one, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, -1).answered, EPERM);
    assert_int_equal(option(&one, WIRE_RECLAIM, 0, 0, 0, other.program).answered, EPERM);
    one.request.cookie ^= 1;
    assert_int_equal(option(&one, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, one.program).answered,
                     EPERM);
    close_relays_side(&other);
    close(other.program);
    close(other.server);
    unmake(&one);
}

/* connect() to AF_UNSPEC, shutdown() while pending: the program wants its socket back, with nothing said on
 * it. */
static void a_live_connection_is_given_back_as_it_was(void **state)
{
    const int on = 1;
    struct linger linger;
    struct made m;
    struct asked asked;
    int value = -1;
    socklen_t length = sizeof linger;
    char byte;

    (void)state;
    make(&m);
    assert_int_equal(setsockopt(m.tcp, IPPROTO_TCP, TCP_KEEPIDLE, &(int){33}, sizeof on), 0);
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    asked = option(&m, WIRE_RECLAIM, 0, 0, 0, m.program);
    assert_int_equal(asked.answered, 0);
    assert_true(asked.descriptor >= 0);
    assert_int_equal(getsockopt(asked.descriptor, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    assert_int_equal(linger.l_onoff, 0);
    length = sizeof value;
    assert_int_equal(getsockopt(asked.descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length), 0);
    assert_int_equal(value, 33);
    assert_true(recv(m.server, &byte, 1, MSG_DONTWAIT) <= 0); /* at most the end */
    assert_int_equal(option(&m, WIRE_RECLAIM, 0, 0, 0, m.program).answered, ENOTCONN);
    close(asked.descriptor);
    unmake(&m);
}

/* ---- a failure that the library knows already ---- */

static void a_failure_is_told_in_the_programs_protocol(void **state)
{
    static const char why[] =
        "/etc/retrotls/policy:3:5: unknown setting 'levle' (did you mean 'level'?); retrotls "
        "stops guarded connections until it is mended";
    struct made m;
    char got[512] = "";

    (void)state;
    make(&m);
    m.request.failure = why;
    assert_int_equal(hand_over(&m), 0);
    close_relays_side(&m);
    assert_true(recv(m.program, got, sizeof got - 1, MSG_WAITALL) > 0); /* to its end */
    assert_int_equal(
        strncmp(got, "* BYE retrotls: /etc/retrotls/policy:3:5: unknown setting 'levle' (did you", 72), 0);
    assert_non_null(strstr(got, "until it is mended\r\n"));
    /* The program may write on; nothing of it arrives anywhere. */
    assert_int_equal(send(m.program, "a LOGIN x secret\r\n", 18, MSG_NOSIGNAL), 18);
    assert_int_equal(send(m.program, "b LOGOUT\r\n", 10, MSG_NOSIGNAL), 10);
    assert_int_equal(recv(m.server, got, sizeof got, 0), 0);
    unmake(&m);
    make(&m);
    m.request.failure = why;
    m.request.asked_address.port = 9;
    assert_int_equal(hand_over(&m), EPROTONOSUPPORT);
    unmake(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_taken_over_and_named),
        cmocka_unit_test(a_wrong_token_is_refused_and_nothing_kept),
        cmocka_unit_test(what_is_no_connection_is_refused),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(missing_filler_closes_the_connection),
        cmocka_unit_test(a_connect_that_works_makes_the_program_writable),
        cmocka_unit_test(a_refused_connect_is_told_and_the_socket_comes_back),
        cmocka_unit_test(a_program_that_gives_up_connecting_is_forgotten),
        cmocka_unit_test(options_reach_the_real_socket),
        cmocka_unit_test(what_is_not_sent_yet_is_told),
        cmocka_unit_test(only_the_holder_of_the_descriptor_may_touch_its_connection),
        cmocka_unit_test(a_live_connection_is_given_back_as_it_was),
        cmocka_unit_test(a_failure_is_told_in_the_programs_protocol),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
