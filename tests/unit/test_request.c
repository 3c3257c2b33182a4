/*
 * Who may hand over a connection to the relay, and what becomes of it. Only the program that started the
 * relay may.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "preload/descriptor/identity.h"
#include "relay/connection.h"
#include "relay/request.h"
#include "relay/session.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/request_peer.h"
#include "tests/unit/tls_peer.h"
#include "wire/wire.h"

/* ---- handing over ---- */

static void a_connection_is_taken_over_and_named(void **state)
{
    struct request_made m;
    char name[128], wanted[128];

    (void)state;
    request_make(&m);
    assert_int_equal(request_hand_over(&m), 0);
    snprintf(wanted, sizeof wanted, "retrotls/1 ok 00112233445566778899aabbccddeeff %llx",
             (unsigned long long)m.request.cookie);
    request_name_of_peer(m.program, name, sizeof name);
    assert_string_equal(name, wanted);
    request_close_relays_side(&m);
    assert_int_equal(send(m.server, "* BYE busy\r\n", 12, 0), 12);
    request_expect_text(m.program, "* BYE retrotls: ");
    request_unmake(&m);
}

/* The kernel gives out socket cookies in sequence, so the names can be predicted. */
static void a_name_that_a_stranger_has_taken_is_no_obstacle(void **state)
{
    struct sockaddr_un taken = {.sun_family = AF_UNIX};
    const int squatter = socket(AF_UNIX, SOCK_STREAM, 0);
    struct request_made m;
    struct peer_state peer;
    char wanted[128], name[128];
    uint64_t cookie;
    int length;

    (void)state;
    request_make(&m);
    length = snprintf(wanted, sizeof wanted, "retrotls/1 ok 00112233445566778899aabbccddeeff %llx",
                      (unsigned long long)m.request.cookie);
    memcpy(taken.sun_path + 1, wanted, (size_t)length);
    length += (int)offsetof(struct sockaddr_un, sun_path) + 1;
    assert_int_equal(bind(squatter, (struct sockaddr *)&taken, (socklen_t)length), 0);
    assert_int_equal(request_hand_over(&m), 0);
    request_name_of_peer(m.program, name, sizeof name);
    assert_int_equal(strncmp(name, wanted, strlen(wanted)), 0);
    assert_int_equal(strlen(name), strlen(wanted) + 17);
    memcpy(taken.sun_path + 1, name, strlen(name));
    assert_true(identity_read_peer(&peer, &cookie, &taken, (socklen_t)length + 17));
    assert_true(peer.state == OUTCOME_CONNECTED && cookie == m.request.cookie);
    close(squatter);
    request_close_relays_side(&m);
    request_unmake(&m);
}

static void a_wrong_token_is_refused_and_nothing_kept(void **state)
{
    (void)state;
    for (int bit = 0; bit < 8 * WIRE_TOKEN_SIZE; bit += 5) {
        struct request_made m;

        request_make(&m);
        m.request.token[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(request_hand_over(&m), EPERM);
        assert_int_equal(connections(), 0);
        request_close_relays_side(&m);
        assert_true(request_is_closed(m.program)); /* the relay holds none of the descriptors */
        assert_true(request_is_closed(m.server));
        request_unmake(&m);
    }
}

static void what_is_no_connection_is_refused(void **state)
{
    struct request_made m;
    int real;

    (void)state;
    request_make(&m);
    real = m.tcp;
    m.tcp = m.program;
    assert_int_equal(request_hand_over(&m), EINVAL); /* a UNIX socket for TCP */
    m.tcp = real;
    real = m.relay_end;
    m.relay_end = m.server;
    assert_int_equal(request_hand_over(&m), EINVAL); /* TCP for the pair */
    m.relay_end = STDIN_FILENO;
    assert_int_equal(request_hand_over(&m), EINVAL);
    m.relay_end = real;
    m.request.filler = 0;
    assert_int_equal(request_hand_over(&m), EINVAL); /* no seed byte */
    m.request.filler = 1;
    m.request.settings.level = LEVEL_NONE;
    assert_int_equal(request_hand_over(&m), EINVAL);
    assert_int_equal(connections(), 0);
    request_unmake(&m);
}

/* A message with more descriptors than its reader takes: qemu-user cuts it and keeps them open. */
static void need_whole_messages(void)
{
    if (getenv("RETROTLS_EMULATED")) {
        print_message("qemu-user keeps descriptors that it does not pass on\n");
        skip();
    }
}

static void what_is_no_message_is_refused(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int many[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    struct request_made m;
    size_t length;

    (void)state;
    need_whole_messages();
    request_make(&m);
    length = wire_write_guard(message, &m.request);
    assert_int_equal(request_ask(message, length, NULL, 0).answered, EINVAL);
    assert_int_equal(request_ask(message, length, many, 8).answered, EMFILE); /* more than it accepts */
    assert_int_equal(request_ask(message, length - 4, NULL, 0).answered, EBADMSG);
    assert_int_equal(request_ask(message, 3, NULL, 0).answered, EBADMSG);
    message[4] ^= 2; /* another version */
    assert_int_equal(request_ask(message, length, NULL, 0).answered, EBADMSG);
    memset(message, 0xff, sizeof message);
    assert_int_equal(request_ask(message, sizeof message, NULL, 0).answered, EBADMSG);
    request_unmake(&m);
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Anyone who can reach the listener can send descriptors. They must not use up the relay's. */
static void descriptors_that_no_message_has_are_not_kept(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const int many[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    const size_t before = count_descriptors();
    struct request_made m;

    (void)state;
    need_whole_messages();
    request_make(&m);
    for (size_t count = 1; count <= 8; count++) {
        request_ask(message, 3, many, count);
        request_ask(message, wire_write_guard(message, &m.request), many, count);
        request_ask(message, wire_write_status(message), many, count);
    }
    request_unmake(&m);
    for (int i = 0; i < 20000 && count_descriptors() > before; i++) /* waits for the status thread */
        poll(NULL, 0, 1);
    assert_int_equal(count_descriptors(), before);
}

/* The filler is not there, so the pair is not one of ours. The relay must not wait for it. */
static void missing_filler_closes_the_connection(void **state)
{
    struct request_made m;

    (void)state;
    request_make(&m);
    m.request.filler = 100000;
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    assert_true(request_is_closed(m.program));
    request_unmake(&m);
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
static void connect_anew(struct request_made *m, const struct sockaddr_in *address)
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
    struct request_made m;
    char name[128];
    int listener;

    (void)state;
    request_make(&m);
    make_address(&address, &listener);
    listen(listener, 1);
    connect_anew(&m, &address);
    polled.fd = m.program;
    assert_int_equal(poll(&polled, 1, 0), 0);
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_int_equal(polled.revents, POLLOUT);
    request_name_of_peer(m.program, name, sizeof name);
    assert_int_equal(strncmp(name, "retrotls/1 ok ", 14), 0);
    close(listener);
    request_unmake(&m);
}

/* As after a refused connect() over TCP. The socket comes back with the options that the program set. */
static void a_refused_connect_is_told_and_the_socket_comes_back(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct option_request back = {.cookie = 0};
    struct sockaddr_in address;
    struct pollfd polled = {.events = POLLOUT};
    struct request_asked asked;
    struct request_made m;
    char name[128], wanted[128];
    const int idle = 77;
    int listener, value = 0, error;
    socklen_t length = sizeof value;

    (void)state;
    request_make(&m);
    make_address(&address, &listener); /* bound, not listening: refused */
    connect_anew(&m, &address);
    assert_int_equal(setsockopt(m.tcp, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle), 0);
    polled.fd = m.program;
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_true(polled.revents & POLLERR && polled.revents & POLLHUP);
    /*
     * Just after it reports the end, the kernel frees what was not read (unix_release_sock()). Only then is
     * the socket writable.
     */
    while (!(polled.revents & POLLOUT))
        assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_int_equal(polled.revents, POLLOUT | POLLERR | POLLHUP);
    snprintf(wanted, sizeof wanted, "retrotls/1 E%d 00112233445566778899aabbccddeeff %llx", ECONNREFUSED,
             (unsigned long long)m.request.cookie);
    request_name_of_peer(m.program, name, sizeof name);
    assert_string_equal(name, wanted);
    length = sizeof error;
    assert_int_equal(getsockopt(m.program, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    assert_int_equal(error, ECONNRESET); /* the library returns the error in the name instead */

    back.cookie = m.request.cookie;
    asked = request_ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.server, 1);
    assert_int_equal(asked.answered, EPERM); /* not with another descriptor */
    asked = request_ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(asked.answered, 0);
    length = sizeof value;
    assert_int_equal(getsockopt(asked.descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length), 0);
    assert_int_equal(value, 77);
    close(asked.descriptor);
    asked = request_ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(asked.answered, ENOTCONN); /* only once */
    close(listener);
    request_unmake(&m);
}

/*
 * A blocking connect() waits for the relay's answer. By then, the program's end has a name and is writable.
 */
static void who_waits_for_the_outcome_is_told(void **state)
{
    struct sockaddr_in address;
    struct request_made m;
    char name[128];
    int listener, waiting;

    (void)state;
    request_make(&m);
    make_address(&address, &listener);
    listen(listener, 1);
    connect_anew(&m, &address);
    waiting = request_hand_over_to_be_told(&m);
    request_close_relays_side(&m);
    assert_int_equal(request_outcome(waiting), 0);
    assert_int_equal(poll(&(struct pollfd){.fd = m.program, .events = POLLOUT}, 1, 0), 1);
    request_name_of_peer(m.program, name, sizeof name);
    assert_int_equal(strncmp(name, "retrotls/1 ok ", 14), 0);
    close(listener);
    request_unmake(&m);
}

static void who_waits_for_the_outcome_is_told_why_there_is_none(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct option_request back = {.cookie = 0};
    struct request_asked asked;
    struct sockaddr_in address;
    struct request_made m;
    int listener, waiting;

    (void)state;
    request_make(&m);
    make_address(&address, &listener); /* bound, not listening: refused */
    connect_anew(&m, &address);
    waiting = request_hand_over_to_be_told(&m);
    assert_int_equal(request_outcome(waiting), ECONNREFUSED);
    back.cookie = m.request.cookie; /* the socket is available by then */
    asked = request_ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(asked.answered, 0);
    close(asked.descriptor);
    close(listener);
    request_unmake(&m);
}

/* Another thread takes the socket back (shutdown()) and does the rest. */
static void who_waits_for_the_outcome_is_told_that_it_was_called_off(void **state)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    struct option_request back = {.cookie = 0};
    struct sockaddr_in address;
    struct request_made m;
    int listener, waiting, taken[3];

    (void)state;
    request_make(&m);
    make_address(&address, &listener);
    listen(listener, 0);
    for (int i = 0; i < 3; i++) { /* the queue is full: more SYNs get no answer */
        taken[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(taken[i], (struct sockaddr *)&address, sizeof address);
    }
    connect_anew(&m, &address);
    waiting = request_hand_over_to_be_told(&m);
    back.cookie = m.request.cookie;
    request_ask(message, wire_write_option(message, WIRE_RECLAIM, &back), &m.program, 1);
    assert_int_equal(request_outcome(waiting), ECANCELED);
    request_unmake(&m);
    for (int i = 0; i < 3; i++)
        close(taken[i]);
    close(listener);
}

/* If the program gives up a connect() that nobody answers, the relay's thread ends at once. */
static void a_program_that_gives_up_connecting_is_forgotten(void **state)
{
    struct sockaddr_in address;
    struct request_made m;
    int listener, taken[3];

    (void)state;
    request_make(&m);
    make_address(&address, &listener);
    listen(listener, 0);
    for (int i = 0; i < 3; i++) { /* the queue is full: more SYNs get no answer */
        taken[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(taken[i], (struct sockaddr *)&address, sizeof address);
    }
    for (int told = 0; told < 2; told++) {
        int waiting = -1;

        if (told)
            request_make(&m);
        connect_anew(&m, &address);
        if (told)
            waiting = request_hand_over_to_be_told(&m);
        else
            assert_int_equal(request_hand_over(&m), 0);
        assert_int_equal(connections(), 1);
        request_unmake(&m);
        if (told)
            assert_int_equal(request_outcome(waiting), -1);
    }
    for (int i = 0; i < 3; i++)
        close(taken[i]);
    close(listener);
}

/* ---- a failure that the library already knows ---- */

static void a_failure_is_told_in_the_programs_protocol(void **state)
{
    static const char why[] =
        "/etc/retrotls/policy:3:5: unknown setting 'levle' (did you mean 'level'?); retrotls "
        "stops guarded connections until it is mended";
    struct request_made m;
    char got[512] = "";

    (void)state;
    request_make(&m);
    m.request.failure = why;
    assert_int_equal(request_hand_over(&m), 0);
    request_close_relays_side(&m);
    assert_true(recv(m.program, got, sizeof got - 1, MSG_WAITALL) > 0); /* to its end */
    assert_int_equal(
        strncmp(got, "* BYE retrotls: /etc/retrotls/policy:3:5: unknown setting 'levle' (did you", 72), 0);
    assert_non_null(strstr(got, "until it is mended\r\n"));
    /* The program may write on, but nothing of it arrives anywhere. */
    assert_int_equal(send(m.program, "a LOGIN x secret\r\n", 18, MSG_NOSIGNAL), 18);
    assert_int_equal(send(m.program, "b LOGOUT\r\n", 10, MSG_NOSIGNAL), 10);
    assert_int_equal(recv(m.server, got, sizeof got, 0), 0);
    request_unmake(&m);
    request_make(&m);
    m.request.failure = why;
    m.request.asked_address.port = 9;
    assert_int_equal(request_hand_over(&m), EPROTONOSUPPORT);
    request_unmake(&m);
}

/* The library then asks another relay, so this one must not have begun with the server, nor kept anything. */
static void without_spare_descriptors_nothing_is_taken_over(void **state)
{
    struct request_made m;

    (void)state;
    request_make(&m);
    request_limit_descriptors(8);
    assert_int_equal(request_hand_over(&m), EMFILE);
    assert_int_equal(connections(), 0);
    request_limit_descriptors(~0ULL);
    assert_int_equal(request_hand_over(&m), 0);
    request_unmake(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_spare_descriptors_nothing_is_taken_over),
        cmocka_unit_test(a_connection_is_taken_over_and_named),
        cmocka_unit_test(a_name_that_a_stranger_has_taken_is_no_obstacle),
        cmocka_unit_test(a_wrong_token_is_refused_and_nothing_kept),
        cmocka_unit_test(what_is_no_connection_is_refused),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(descriptors_that_no_message_has_are_not_kept),
        cmocka_unit_test(missing_filler_closes_the_connection),
        cmocka_unit_test(a_connect_that_works_makes_the_program_writable),
        cmocka_unit_test(a_refused_connect_is_told_and_the_socket_comes_back),
        cmocka_unit_test(who_waits_for_the_outcome_is_told),
        cmocka_unit_test(who_waits_for_the_outcome_is_told_why_there_is_none),
        cmocka_unit_test(who_waits_for_the_outcome_is_told_that_it_was_called_off),
        cmocka_unit_test(a_program_that_gives_up_connecting_is_forgotten),
        cmocka_unit_test(a_failure_is_told_in_the_programs_protocol),
    };

    return cmocka_run_group_tests(tests, request_start, NULL);
}
