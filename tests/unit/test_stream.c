/* The server's stream without TLS: what a read says after a write has failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/io/stream.h"
#include "tests/unit/cmocka_all.h"

/* Opens a TCP connection, of which `stream` is one end. Returns the other. */
static int open_bare(struct stream *stream)
{
    const int listener = socket(AF_INET, SOCK_STREAM, 0), near = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int far;

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(near, (struct sockaddr *)&address, length), 0);
    far = accept(listener, NULL, NULL);
    assert_true(far >= 0);
    close(listener);
    stream_over_socket(stream, near);
    return far;
}

static void wait_until_it_breaks(int fd)
{
    struct pollfd polled = {.fd = fd};

    assert_int_equal(poll(&polled, 1, -1), 1);
}

/*
 * The kernel reports a connection's error once. If a write gets it, the next read sees only an end of file,
 * and in a session in plaintext the program would read one, too.
 */
static void an_error_that_a_write_has_taken_is_no_end(void **state)
{
    const struct linger abort = {.l_onoff = 1};
    struct stream stream;
    uint8_t byte;
    size_t count;

    (void)state;
    const int far = open_bare(&stream);
    assert_int_equal(setsockopt(far, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
    close(far);
    wait_until_it_breaks(stream.fd);
    assert_int_equal(stream.write(&stream, "x", 1, &count), FLOW_BROKEN);
    assert_int_equal(stream.read(&stream, &byte, 1, &count), FLOW_BROKEN);
    assert_int_equal(stream.error, ECONNRESET);
    close(stream.fd);
}

/* The server ended first, and answers later bytes with a reset. */
static void an_end_that_a_write_has_missed_is_one(void **state)
{
    struct stream stream;
    uint8_t byte;
    size_t count;

    (void)state;
    const int far = open_bare(&stream);
    close(far);
    assert_int_equal(recv(stream.fd, &byte, 1, MSG_PEEK), 0); /* the FIN is here */
    assert_int_equal(stream.write(&stream, "x", 1, &count), FLOW_MOVED);
    wait_until_it_breaks(stream.fd); /* the reset is here, too */
    assert_int_equal(stream.write(&stream, "x", 1, &count), FLOW_BROKEN);
    assert_int_equal(stream.read(&stream, &byte, 1, &count), FLOW_ENDED);
    close(stream.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_that_a_write_has_taken_is_no_end),
        cmocka_unit_test(an_end_that_a_write_has_missed_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
