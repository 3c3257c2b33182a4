/*
 * F4: a session that is cut ends with ECONNRESET for the program, and never with an end of file, whatever
 * came just before: a write of any size, a read byte that is not consumed yet, a write that is still under
 * way.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/io/relay_end.h"
#include "relay/pump/pump.h"
#include "tests/unit/cmocka_all.h"

enum { LARGE = 20000 };

static char text[LARGE];

static int make_text(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    memset(text, 'x', sizeof text);
    return 0;
}

/* A server that takes `wants` bytes, answers with `says`, and then breaks off in the same moment. */
struct cutting {
    struct stream stream;
    size_t wants;
    const char *says;
    enum flow how;
};

static enum flow take_all(struct stream *s, const void *bytes, size_t length, size_t *count)
{
    struct cutting *const c = (struct cutting *)s;

    (void)bytes;
    *count = length;
    c->wants -= length < c->wants ? length : c->wants;
    return FLOW_MOVED;
}

static enum flow answer_and_cut(struct stream *s, void *buffer, size_t size, size_t *count)
{
    struct cutting *const c = (struct cutting *)s;

    *count = strlen(c->says);
    if (c->wants > 0)
        return FLOW_BLOCKED;
    if (*count == 0)
        return c->how;
    assert_true(size >= *count);
    memcpy(buffer, c->says, *count);
    c->says = "";
    return FLOW_MOVED;
}

static enum flow never_finish(struct stream *s)
{
    (void)s;
    fail_msg("a cut session has no orderly end");
    return FLOW_BROKEN;
}

/*
 * `send_buffer`: SO_SNDBUF of the program's end, 0 for the default. With a small one, every kept byte holds a
 * program back that wants to write.
 */
static void cut_behind(size_t written, int send_buffer, const char *says, enum flow how)
{
    struct cutting server = {.stream = {.read = answer_and_cut, .write = take_all, .finish = never_finish},
                             .wants = written,
                             .says = says,
                             .how = how};
    struct buffer greeting = {.bytes = NULL};
    struct relay_end end;
    const struct pumped what = {.program = &end, .server = &server.stream, .greeting = &greeting};
    int pair[2], tcp[2];
    char got[16];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, tcp), 0);
    if (send_buffer > 0)
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), 0);
    server.stream.fd = tcp[0];
    server.stream.ready = (struct readiness){.readable = true, .writable = true, .fresh = true};
    assert_int_equal(send(pair[0], "", 1, 0), 1);
    assert_true(relay_end_open(&end, pair[1], relay_end_room_of(pair[0]), 1));
    assert_int_equal(send(pair[0], text, written, 0), written);
    assert_int_equal(pump_run(&what), PUMP_CUT);
    close(end.fd);
    close(end.room);
    assert_int_equal(recv(pair[0], got, sizeof got, 0), *says ? (int)strlen(says) : -1);
    if (*says)
        assert_int_equal(recv(pair[0], got, sizeof got, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(pair[0]);
    close(tcp[0]);
    close(tcp[1]);
}

static void a_cut_right_behind_a_write_is_a_reset(void **state)
{
    static const struct {
        size_t written;
        int send_buffer;
    } sizes[] = {{1, 0},   {6, 0},    {4096, 0},      {LARGE, 0},    {1, 1},
                 {100, 1}, {1500, 1}, {15000, 20000}, {LARGE, 24000}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int says = 0; says < 2; says++) {
            cut_behind(sizes[i].written, sizes[i].send_buffer, says ? "+OK half" : "", FLOW_TRUNCATED);
            cut_behind(sizes[i].written, sizes[i].send_buffer, says ? "+OK half" : "", FLOW_BROKEN);
        }
    }
}

/* ---- a write that is under way ---- */

static void *write_late(void *program)
{
    assert_int_equal(send(*(const int *)program, "late", 4, 0), 4);
    return NULL;
}

/*
 * The program's buffer is charged but not yet in the queue, and the byte kept before it has been consumed. To
 * the relay that looks as here: no byte, and an end that is not writable (that of another pair, so that the
 * test says when).
 */
static void a_cut_waits_for_a_write_that_is_under_way(void **state)
{
    struct relay_end end = {.keeps = true};
    pthread_t writer;
    int pair[2], other[2];
    char byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
    while (send(other[0], text, sizeof text, 0) > 0)
        ;
    end.fd = pair[1];
    end.room = relay_end_room_of(other[0]);
    assert_int_equal(pthread_create(&writer, NULL, write_late, &pair[0]), 0);
    relay_end_break(&end);
    close(end.fd);
    pthread_join(writer, NULL);
    assert_int_equal(recv(pair[0], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(end.room);
    close(pair[0]);
    close(other[0]);
    close(other[1]);
}

/* If nothing is under way, or the program has gone, there is nothing to wait for. */
static void a_cut_waits_for_nobody_else(void **state)
{
    struct relay_end end = {.keeps = true};
    int pair[2];

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        end.fd = pair[1];
        end.room = relay_end_room_of(pair[0]);
        if (gone)
            close(pair[0]);
        alarm(RELAY_END_BREAK / 1000);
        for (int i = 0; i < 100; i++)
            relay_end_break(&end);
        alarm(0);
        if (!gone)
            close(pair[0]);
        close(pair[1]);
        close(end.room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_right_behind_a_write_is_a_reset),
        cmocka_unit_test(a_cut_waits_for_a_write_that_is_under_way),
        cmocka_unit_test(a_cut_waits_for_nobody_else),
    };

    return cmocka_run_group_tests(tests, make_text, NULL);
}
