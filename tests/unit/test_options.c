/*
 * What the holder of a switched descriptor may ask about its connection, and what its user may ask about all
 * connections. Nobody else gets an answer.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/channel.h"
#include "monitor/messages.h"
#include "relay/connection.h"
#include "relay/options.h"
#include "relay/request.h"
#include "relay/session.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/request_peer.h"
#include "tests/unit/tls_peer.h"
#include "wire/wire.h"

/* ---- options ---- */

static struct request_asked option(struct request_made *m, enum wire_type type, int level, int name,
                                   int value, int proof)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const struct option_request r = {.cookie = m->request.cookie,
                                     .level = level,
                                     .name = name,
                                     .size = sizeof value,
                                     .value = (const uint8_t *)&value,
                                     .value_length = type == WIRE_SET_OPTION ? sizeof value : 0};

    return request_ask(message, wire_write_option(message, type, &r), &proof, proof >= 0);
}

static void options_reach_the_real_socket(void **state)
{
    struct request_made m;
    struct request_asked asked;
    int tcp, value = 0;
    socklen_t length = sizeof value;

    (void)state;
    request_make(&m);
    tcp = dup(m.tcp);
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
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
    /* Options that reach into the relay's memory, or change the stream under it. */
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
    request_unmake(&m);
}

/* ---- an option that the monitor has to set ---- */

/* The monitor of all tests here; it sets options only when a test lets it. */
static struct {
    int channel;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool asked, sets; /* guarded by `lock` */
} monitor = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void monitor_waits_until(const bool *what)
{
    pthread_mutex_lock(&monitor.lock);
    while (!*what)
        pthread_cond_wait(&monitor.changed, &monitor.lock);
    pthread_mutex_unlock(&monitor.lock);
}

static void monitor_notes(bool *what)
{
    pthread_mutex_lock(&monitor.lock);
    *what = true;
    pthread_cond_broadcast(&monitor.changed);
    pthread_mutex_unlock(&monitor.lock);
}

static bool monitor_sets(const struct monitor_question *question)
{
    static const struct monitor_answer_head done = {.error = 0};

    for (size_t i = 0; i < question->count; i++)
        close(question->descriptor[i]);
    monitor_notes(&monitor.asked);
    monitor_waits_until(&monitor.sets);
    return send(monitor.channel, &done, sizeof done, MSG_NOSIGNAL) == sizeof done;
}

static void *run_monitor(void *unused)
{
    static _Alignas(8) uint8_t data[MONITOR_DATA_LIMIT];
    static struct monitor_answer answer;
    struct monitor_question question;
    bool good = true;

    while (good && channel_receive(monitor.channel, &question, data, NULL))
        good = question.head.kind == MONITOR_OPTION
                   ? monitor_sets(&question)
                   : channel_answer(monitor.channel, &question, &answer, NULL);
    return unused;
}

/* Before there is a connection: the channel may not change while threads use it. */
static int start(void **state)
{
    int pair[2];
    pthread_t thread;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    monitor.channel = pair[1];
    monitor_use(pair[0]);
    if (pthread_create(&thread, NULL, run_monitor, NULL) != 0)
        return -1;
    pthread_detach(thread);
    return request_start(state);
}

struct setting {
    struct pair_identity pair;
    int connection, error;
};

static void *set_by_monitor(void *argument)
{
    static const int value = 1;
    static const struct option_request r = {
        .level = SOL_SOCKET, .name = SO_MARK, .value = (const uint8_t *)&value, .value_length = sizeof value};
    struct setting *const s = argument;

    s->error = option_set(&s->pair, &r, s->connection);
    return NULL;
}

static bool note_pair(const struct connection *c, void *pair)
{
    *(struct pair_identity *)pair = c->pair;
    return false;
}

static void *look_at_all(void *pair)
{
    connection_each(note_pair, pair);
    return NULL;
}

/*
 * While the relay asks the monitor, it must not hold the lock of all connections: opening or ending one would
 * wait.
 */
static void while_the_monitor_sets_one_nobody_else_waits(void **state)
{
    struct setting s = {.error = -1};
    struct pair_identity other;
    struct request_made m;
    struct timespec until;
    pthread_t setter, looker;

    (void)state;
    request_make(&m);
    s.connection = dup(m.tcp);
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    look_at_all(&s.pair);
    assert_int_equal(pthread_create(&setter, NULL, set_by_monitor, &s), 0);
    monitor_waits_until(&monitor.asked);
    assert_int_equal(pthread_create(&looker, NULL, look_at_all, &other), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    assert_int_equal(pthread_timedjoin_np(looker, NULL, &until), 0);
    monitor_notes(&monitor.sets);
    assert_int_equal(pthread_join(setter, NULL), 0);
    assert_int_equal(s.error, 0);
    close(s.connection);
    request_unmake(&m);
}

/* SIOCOUTQ: the bytes that the program wrote and the server has not got. */
static void what_is_not_sent_yet_is_told(void **state)
{
    struct request_made m;
    struct request_asked asked;
    char byte;
    int unsent;

    (void)state;
    request_make(&m);
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    asked = option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program);
    assert_int_equal(asked.answered, 0);
    assert_int_equal(asked.length, sizeof unsent);
    memcpy(&unsent, asked.value, sizeof unsent);
    assert_int_equal(unsent, 0);
    /* Held back until the session begins, which it never does here. */
    assert_int_equal(send(m.program, "twelve bytes", 12, 0), 12);
    asked = option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program);
    memcpy(&unsent, asked.value, sizeof unsent);
    assert_int_equal(unsent, 12);
    assert_int_equal(recv(m.server, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(option(&m, WIRE_GET_OPTION, WIRE_LEVEL_IOCTL, FIONREAD, 0, m.program).answered, ENOTTY);
    assert_int_equal(option(&m, WIRE_SET_OPTION, WIRE_LEVEL_IOCTL, SIOCOUTQ, 0, m.program).answered,
                     ENOPROTOOPT);
    request_unmake(&m);
}

static void only_the_holder_of_the_descriptor_may_touch_its_connection(void **state)
{
    struct request_made one, other;

    (void)state;
    request_make(&one);
    request_make(&other);
    assert_int_equal(request_hand_over(&one), 0);
    assert_int_equal(request_hand_over(&other), 0);
    assert_int_equal(option(&one, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 9, other.program).answered,
                     EPERM);
    assert_int_equal(option(&one, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 9, one.server).answered, EPERM);
    assert_int_equal(option(&one, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, -1).answered, EPERM);
    assert_int_equal(option(&one, WIRE_RECLAIM, 0, 0, 0, other.program).answered, EPERM);
    one.request.cookie ^= 1;
    assert_int_equal(option(&one, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, one.program).answered,
                     EPERM);
    request_close_relays_side(&other);
    close(other.program);
    close(other.server);
    request_unmake(&one);
}

/* One end of another process's pair, handed over as if to an accomplice. */
static int anothers_end(uint64_t *cookie)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int way[2], made[2], end;
    pid_t child;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, way), 0);
    child = fork();
    if (child == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, made) != 0)
            _exit(1);
        control.head = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&control.head), made, sizeof(int));
        _exit(sendmsg(way[1], &header, 0) == 1 ? 0 : 1);
    }
    assert_int_equal(recvmsg(way[0], &header, 0), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    memcpy(&end, CMSG_DATA(&control.head), sizeof end);
    *cookie = request_cookie(end);
    close(way[0]);
    close(way[1]);
    return end;
}

/*
 * Up to Linux 5.3 anybody could make a socket with the same cookie as a connection's, because each network
 * namespace counted its own. Here the connection has the number of the stranger's socket.
 */
static void the_cookie_of_another_socket_gives_no_right(void **state)
{
    struct request_made m;
    uint64_t cookie;
    const int strangers = anothers_end(&cookie);

    (void)state;
    request_make(&m);
    m.request.cookie = cookie;
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    assert_int_equal(option(&m, WIRE_GET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 0, strangers).answered, ENOTCONN);
    assert_int_equal(option(&m, WIRE_SET_OPTION, IPPROTO_TCP, TCP_KEEPIDLE, 9, strangers).answered, ENOTCONN);
    assert_int_equal(option(&m, WIRE_RECLAIM, 0, 0, 0, strangers).answered, ENOTCONN);
    close(strangers);
    request_unmake(&m);
}

/*
 * connect() to AF_UNSPEC, or shutdown() while pending: the program wants its socket back, with nothing sent
 * on it.
 */
static void a_live_connection_is_given_back_as_it_was(void **state)
{
    const int on = 1;
    struct linger linger;
    struct request_made m;
    struct request_asked asked;
    int value = -1;
    socklen_t length = sizeof linger;
    char byte;

    (void)state;
    request_make(&m);
    assert_int_equal(setsockopt(m.tcp, IPPROTO_TCP, TCP_KEEPIDLE, &(int){33}, sizeof on), 0);
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    asked = option(&m, WIRE_RECLAIM, 0, 0, 0, m.program);
    assert_int_equal(asked.answered, 0);
    assert_true(asked.descriptor >= 0);
    assert_int_equal(getsockopt(asked.descriptor, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    assert_int_equal(linger.l_onoff, 0);
    length = sizeof value;
    assert_int_equal(getsockopt(asked.descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length), 0);
    assert_int_equal(value, 33);
    assert_true(recv(m.server, &byte, 1, MSG_DONTWAIT) <= 0); /* a FIN at most */
    assert_int_equal(option(&m, WIRE_RECLAIM, 0, 0, 0, m.program).answered, ENOTCONN);
    close(asked.descriptor);
    request_unmake(&m);
}

/* ---- status ---- */

static void the_own_user_is_told_of_all_connections(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const size_t length = wire_write_status(message);
    struct wire_connection told;
    struct wire_reply reply;
    struct request_made one, other;
    int pair[2], seen = 0;
    ssize_t n;

    (void)state;
    request_make(&one);
    request_make(&other);
    other.request.asked = peer_names("other.example", NULL);
    other.request.program = "/usr/bin/mail";
    assert_int_equal(request_hand_over(&one), 0);
    assert_int_equal(request_hand_over(&other), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(send(pair[0], message, length, 0), length);
    assert_true(request_serve(pair[1]));
    close(pair[1]);
    while ((n = recv(pair[0], message, sizeof message, 0)) > 0 &&
           wire_read_connection(&told, message, (size_t)n)) {
        const bool is_other = strcmp(told.server, "other.example") == 0;

        assert_int_equal(told.pid, getpid());
        assert_int_equal(told.address.port, 143);
        assert_int_equal(told.level, LEVEL_MAY);
        assert_int_equal(told.stage, WIRE_NEGOTIATING);
        assert_string_equal(told.server, is_other ? "other.example" : "mail.example");
        if (is_other)
            assert_string_equal(told.program, "/usr/bin/mail");
        seen |= is_other ? 2 : 1;
    }
    assert_int_equal(seen, 3);
    assert_true(n > 0 && wire_read_reply(&reply, message, (size_t)n));
    assert_int_equal(reply.error, 0);
    assert_int_equal(recv(pair[0], message, sizeof message, 0), 0);
    close(pair[0]);
    request_close_relays_side(&other);
    close(other.program);
    close(other.server);
    request_unmake(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_reach_the_real_socket),
        cmocka_unit_test(while_the_monitor_sets_one_nobody_else_waits),
        cmocka_unit_test(what_is_not_sent_yet_is_told),
        cmocka_unit_test(only_the_holder_of_the_descriptor_may_touch_its_connection),
        cmocka_unit_test(the_cookie_of_another_socket_gives_no_right),
        cmocka_unit_test(a_live_connection_is_given_back_as_it_was),
        cmocka_unit_test(the_own_user_is_told_of_all_connections),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
