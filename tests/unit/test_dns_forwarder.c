/*
 * The process between a supervised program and its DNS server: what it passes on, in bounded memory, whatever
 * the server says; and what it can no longer do once it is shut in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/names/names.h"
#include "supervise/dns/dns_session.h"
#include "supervise/dns/forwarder_walls.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/walls.h"

static const uint8_t question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\4mail\7example\0\0\1\0\1";
static const uint8_t answer[] = "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\4mail\7example\0\0\1\0\1"
                                "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1";
enum { QUESTION = sizeof question - 1, ANSWER = sizeof answer - 1 };

static struct dns_session session;
static struct forwarder_state state;
static int program, server; /* the ends of the two */

static int begin(int type, bool stream)
{
    int a[2], b[2];

    names_start();
    if (socketpair(AF_UNIX, type, 0, a) != 0 || socketpair(AF_UNIX, type, 0, b) != 0)
        return -1;
    memset(&session, 0, sizeof session);
    atomic_store(&state.unseen, false);
    session.open = true;
    session.accepted = true;
    session.program = a[0];
    session.server = b[0];
    session.what = (struct forwarding){.stream = stream, .connected = true};
    program = a[1];
    server = b[1];
    return 0;
}

static int datagrams(void **unused)
{
    (void)unused;
    return begin(SOCK_DGRAM, false);
}

static int streams(void **unused)
{
    (void)unused;
    return begin(SOCK_STREAM, true);
}

static int end(void **unused)
{
    (void)unused;
    close(session.program);
    close(session.server);
    close(program);
    close(server);
    return 0;
}

/* Serves until there is nothing to do. False once the session is over. */
static bool serve(void)
{
    for (;;) {
        struct pollfd set[2];
        bool refused;

        dns_session_wants(&session, set);
        if (poll(set, 2, 0) == 0)
            return true;
        if (!dns_session_serve(&session, set, &state, &refused))
            return false;
    }
}

static void say(int to, const void *bytes, size_t length)
{
    assert_int_equal(send(to, bytes, length, MSG_NOSIGNAL), length);
}

/* Checks that `expected` has arrived, and nothing else. */
static void hears(int at, const void *expected, size_t length)
{
    static uint8_t bytes[80000];
    const ssize_t got = recv(at, bytes, sizeof bytes, MSG_DONTWAIT);

    assert_int_equal(got < 0 ? 0 : got, length);
    assert_memory_equal(bytes, expected, length);
}

/* A message behind its length. Returns the length of both. */
static size_t framed(uint8_t *to, const uint8_t *message, size_t length)
{
    to[0] = (uint8_t)(length >> 8);
    to[1] = (uint8_t)length;
    memcpy(to + 2, message, length);
    return 2 + length;
}

static void datagrams_pass(void **unused)
{
    (void)unused;
    say(program, question, QUESTION);
    assert_true(serve());
    hears(server, question, QUESTION);
    say(server, question, QUESTION);
    say(server, answer, ANSWER - 1);
    say(server, answer, ANSWER);
    assert_true(serve());
    hears(program, answer, ANSWER);
    hears(program, "", 0);
    assert_false(state.unseen);
}

static void what_is_not_dns_passes_unread(void **unused)
{
    (void)unused;
    say(program, "hello", 5);
    assert_true(serve());
    hears(server, "hello", 5);
    assert_true(state.unseen);
    say(server, "world", 5);
    assert_true(serve());
    hears(program, "world", 5);
}

static void messages_of_a_stream_pass_once_they_are_whole(void **unused)
{
    uint8_t both[256];
    const size_t length = framed(both, question, QUESTION);

    (void)unused;
    say(program, both, length - 1);
    assert_true(serve());
    hears(server, "", 0);
    say(program, both + length - 1, 1);
    assert_true(serve());
    hears(server, both, length);

    const size_t one = framed(both, answer, ANSWER), two = one + framed(both + one, answer, ANSWER);

    say(server, both, one + 7);
    assert_true(serve());
    hears(program, both, one);
    say(server, both + one + 7, two - one - 7);
    assert_true(serve());
    hears(program, both + one, two - one);
    assert_false(state.unseen);
}

static void malformed_answer_ends_a_stream(void **unused)
{
    uint8_t bytes[256];

    (void)unused;
    say(program, bytes, framed(bytes, question, QUESTION));
    say(server, bytes, framed(bytes, answer, ANSWER - 1));
    assert_true(state.unseen == false && !serve());
    hears(program, "", 0);
}

static void another_protocol_passes_over_a_stream(void **unused)
{
    (void)unused;
    say(program, "SSH-2.0-OpenSSH", 15);
    assert_true(serve());
    hears(server, "SSH-2.0-OpenSSH", 15);
    assert_true(state.unseen);
    say(server, "x", 1);
    assert_true(serve());
    hears(program, "x", 1);
}

static void server_that_speaks_first_is_another_protocols(void **unused)
{
    (void)unused;
    say(server, "2", 1);
    assert_true(serve());
    hears(program, "2", 1);
    assert_true(state.unseen);
}

static void end_passes_in_both_directions(void **unused)
{
    uint8_t bytes[256];
    const size_t length = framed(bytes, question, QUESTION);

    (void)unused;
    say(program, bytes, length);
    shutdown(program, SHUT_WR);
    assert_true(serve());
    hears(server, bytes, length);
    assert_int_equal(recv(server, bytes, sizeof bytes, MSG_DONTWAIT), 0);
    say(server, bytes, framed(bytes, answer, ANSWER));
    close(server);
    assert_false(serve());
    assert_int_equal(recv(program, bytes, sizeof bytes, MSG_DONTWAIT), 2 + ANSWER);
    server = -1;
}

/* The largest message, of the records that take longest, from a server that keeps sending more. */
static void largest_answers_pass(void **unused)
{
    static uint8_t message[MESSAGE_LIMIT], bytes[2 + MESSAGE_LIMIT];
    size_t used = ANSWER - 16, heard = 0;

    (void)unused;
    say(program, bytes, framed(bytes, question, QUESTION));
    assert_true(serve());
    memcpy(message, answer, used);
    for (; used + 14 <= sizeof message;
         used += 14) /* each a CNAME that points to the name of the one before */
        memcpy(message + used, "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x0c", 14);
    message[6] = (uint8_t)((used - ANSWER + 16) / 14 >> 8);
    message[7] = (uint8_t)((used - ANSWER + 16) / 14);
    const size_t length = framed(bytes, message, used);

    for (size_t sent = 0; sent < length || heard < length;) {
        static uint8_t got[2 + MESSAGE_LIMIT];
        const ssize_t more = sent < length ? send(server, bytes + sent, length - sent, MSG_DONTWAIT) : 0;
        ssize_t came;

        sent += more > 0 ? (size_t)more : 0;
        assert_true(serve());
        came = recv(program, got, sizeof got, MSG_DONTWAIT);
        assert_true(came > 0 || sent < length || heard == 0);
        heard += came > 0 ? (size_t)came : 0;
        assert_true(sent == length || heard == 0); /* nothing before it is whole */
    }
    assert_int_equal(heard, length);
}

/* ---- walls ---- */

static int opens(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno;
}

static int makes_a_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int connects(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};

    return connect(program, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static int signals(void)
{
    return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int looks_at_its_parent(void)
{
    return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0 ? 0 : errno;
}

static int forks(void)
{
    const pid_t child = fork();

    if (child == 0)
        _exit(0);
    return child > 0 ? 0 : errno;
}

static int sends(void)
{
    return send(program, "", 0, 0) == 0 ? 0 : errno;
}

static int try_behind_walls(try_function *act, bool walls)
{
    const pid_t child = fork();
    int status = -1;

    if (child == 0) {
        if (walls && !forwarder_shut_in())
            _exit(200);
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void shut_in_it_can_only_pass_bytes(void **unused)
{
    static try_function *const never[] = {opens,   makes_a_socket,      connects,
                                          signals, looks_at_its_parent, forks};

    (void)unused;
    if (SANITIZED)
        skip();
    walls_need_filters();
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        assert_int_not_equal(try_behind_walls(never[i], false), EPERM);
        assert_int_equal(try_behind_walls(never[i], true), EPERM);
    }
    assert_int_equal(try_behind_walls(sends, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams_pass, datagrams, end),
        cmocka_unit_test_setup_teardown(what_is_not_dns_passes_unread, datagrams, end),
        cmocka_unit_test_setup_teardown(messages_of_a_stream_pass_once_they_are_whole, streams, end),
        cmocka_unit_test_setup_teardown(malformed_answer_ends_a_stream, streams, end),
        cmocka_unit_test_setup_teardown(another_protocol_passes_over_a_stream, streams, end),
        cmocka_unit_test_setup_teardown(server_that_speaks_first_is_another_protocols, streams, end),
        cmocka_unit_test_setup_teardown(end_passes_in_both_directions, streams, end),
        cmocka_unit_test_setup_teardown(largest_answers_pass, streams, end),
        cmocka_unit_test_setup_teardown(shut_in_it_can_only_pass_bytes, datagrams, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
