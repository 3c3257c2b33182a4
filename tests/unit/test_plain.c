/* The dialogue line by line: exact to the byte, within one deadline, and only while the program is there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "tests/unit/peer.h"

/*
 * Both socket pairs of a dialogue. There is no thread: what `server` and `program` send is sent beforehand.
 */
struct ends {
    struct plain plain;
    struct transport transport;
    int server, program;
    int near[2];
    struct failure why;
    char line[LINE_LIMIT];
};

static void open_ends(struct ends *e, int64_t milliseconds)
{
    int pair[2];

    *e = (struct ends){.server = -1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    e->server = pair[0];
    e->near[0] = pair[1];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    e->program = pair[0];
    e->near[1] = pair[1];
    assert_int_equal(send(e->program, "", KEPT_BYTES, 0), KEPT_BYTES);
    transport_over_socket(&e->transport, e->near[0]);
    e->plain = (struct plain){.transport = &e->transport,
                              .program = e->near[1],
                              .deadline = plain_now() + milliseconds,
                              .server = "mail.example.org"};
}

static void close_ends(struct ends *e)
{
    close(e->server);
    close(e->program);
    close(e->near[0]);
    close(e->near[1]);
}

static void says(const struct ends *e, const char *bytes, size_t length)
{
    assert_int_equal(send(e->server, bytes, length, 0), length);
}

/* What follows the line belongs to whoever reads next: to TLS, after the STARTTLS reply. */
static void nothing_is_read_beyond_the_line(void **state)
{
    struct ends e;
    char rest[16];

    (void)state;
    open_ends(&e, 30000);
    says(&e, "220 go\r\n\r\n\x16\x03\x01", 13);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), 6);
    assert_string_equal(e.line, "220 go");
    assert_false(plain_is_empty(&e.plain));
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), 0);
    assert_string_equal(e.line, "");
    assert_int_equal(recv(e.near[0], rest, sizeof rest, MSG_DONTWAIT), 3);
    assert_memory_equal(rest, "\x16\x03\x01", 3);
    assert_true(plain_is_empty(&e.plain));
    assert_int_equal(e.plain.consumed, 10);
    close_ends(&e);
}

static void the_longest_line(void **state)
{
    static char text[LINE_LIMIT + 1];
    struct ends e;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + LINE_LIMIT - 2, "\r\n", 2);
    open_ends(&e, 30000);
    says(&e, text, LINE_LIMIT);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), LINE_LIMIT - 2);
    memcpy(text + LINE_LIMIT - 2, "x\r\n", 3);
    says(&e, text, LINE_LIMIT + 1);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_LINE_LIMIT);
    close_ends(&e);
}

static void bytes_that_no_line_may_hold(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *what;
    } cases[] = {
        {"a\0b\r\n", 5, "NUL"},
        {"a\nb\r\n", 5, "line feed"},
        {"\n", 1, "line feed"},
        {"a\rb\r\n", 5, "carriage return"},
        {"a\r\r\n", 4, "carriage return"},
        {"a\r\0", 3, "NUL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ends e;

        open_ends(&e, 30000);
        says(&e, cases[i].bytes, cases[i].length);
        assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
        assert_int_equal(e.why.kind, FAILURE_BYTE);
        assert_non_null(strstr(e.why.text, cases[i].what));
        close_ends(&e);
    }
}

/* The server may send any number of lines, but not any number of bytes. */
static void a_negotiation_reads_no_more_than_its_limit(void **state)
{
    struct ends e;
    ssize_t got;

    (void)state;
    open_ends(&e, 30000);
    do {
        says(&e, "0123456789\r\n", 12);
        got = plain_read_line(&e.plain, e.line, &e.why);
    } while (got == 10);
    assert_int_equal(got, -1);
    assert_int_equal(e.why.kind, FAILURE_DIALOGUE_LIMIT);
    assert_int_equal(e.plain.consumed, DIALOGUE_LIMIT);
    close_ends(&e);
}

static void exact_counts(void **state)
{
    struct ends e;
    char bytes[8] = "";

    (void)state;
    open_ends(&e, 30000);
    says(&e, "abc\0defgh\r\nend\r\n", 16);
    assert_true(plain_skip(&e.plain, 0, &e.why));
    assert_true(plain_skip(&e.plain, 2, &e.why));
    assert_true(plain_read(&e.plain, bytes, 5, &e.why));
    assert_memory_equal(bytes, "c\0def", 5);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), 2);
    assert_string_equal(e.line, "gh");
    assert_false(plain_skip(&e.plain, DIALOGUE_LIMIT, &e.why));
    assert_int_equal(e.why.kind, FAILURE_DIALOGUE_LIMIT);
    e.why.kind = FAILURE_NONE;
    assert_false(plain_skip(&e.plain, UINT64_MAX, &e.why));
    assert_int_equal(e.why.kind, FAILURE_DIALOGUE_LIMIT);
    e.why.kind = FAILURE_NONE;
    shutdown(e.server, SHUT_WR);
    assert_false(plain_skip(&e.plain, 6, &e.why));
    assert_int_equal(e.why.kind, FAILURE_CLOSED);
    close_ends(&e);
}

static void a_long_literal_is_skipped(void **state)
{
    static const char *const script[] = {
        "S%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9%9end\r\n", NULL};
    struct transport transport;
    struct plain plain = {
        .transport = &transport, .program = -1, .deadline = plain_now() + 30000, .server = "x"};
    struct failure why = {.kind = FAILURE_NONE};
    char line[LINE_LIMIT];
    struct peer peer;
    pthread_t thread;
    int client;

    (void)state;
    peer_start(&peer, &thread, script, true, &client);
    transport_over_socket(&transport, client);
    assert_true(plain_skip(&plain, 3000, &why));
    assert_int_equal(plain_read_line(&plain, line, &why), 3);
    close(client);
    pthread_join(thread, NULL);
}

/*
 * F1: there is one deadline for the whole dialogue, not one per read. A byte now and then does not extend it.
 */
static void a_dripping_server_meets_the_deadline(void **state)
{
    static const char *const script[] = {"Dx", NULL};
    struct transport transport;
    struct plain plain = {.transport = &transport, .program = -1, .server = "x"};
    struct failure why = {.kind = FAILURE_NONE};
    int64_t start;
    char line[LINE_LIMIT];
    struct peer peer;
    pthread_t thread;
    int client;

    (void)state;
    peer_start(&peer, &thread, script, false, &client);
    transport_over_socket(&transport, client);
    assert_int_equal(poll(&(struct pollfd){.fd = client, .events = POLLIN}, 1, 20000), 1); /* it has begun */
    start = plain_now();
    plain.deadline = start + 100;
    assert_int_equal(plain_read_line(&plain, line, &why), -1);
    assert_int_equal(why.kind, FAILURE_TIMEOUT);
    assert_true(plain_now() - start >= 100);
    assert_true(plain.consumed > 0);
    close(client);
    pthread_join(thread, NULL);
}

static void a_deadline_that_has_passed(void **state)
{
    struct ends e;

    (void)state;
    open_ends(&e, -1);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_TIMEOUT);
    close_ends(&e);
}

static void a_server_that_does_not_read_meets_the_deadline(void **state)
{
    static char much[1 << 20];
    struct ends e;

    (void)state;
    open_ends(&e, 50);
    assert_false(plain_send(&e.plain, much, sizeof much, &e.why));
    assert_int_equal(e.why.kind, FAILURE_TIMEOUT);
    close_ends(&e);
}

static void a_connection_that_is_lost(void **state)
{
    struct ends e;

    (void)state;
    open_ends(&e, 30000);
    assert_true(plain_send(&e.plain, "QUIT\r\n", 6, &e.why));
    close(e.server); /* with those bytes unread */
    e.server = -1;
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_LOST);
    assert_non_null(strstr(e.why.text, strerror(ECONNRESET)));
    e.why.kind = FAILURE_NONE;
    assert_false(plain_send(&e.plain, "QUIT\r\n", 6, &e.why)); /* and no SIGPIPE */
    assert_int_equal(e.why.kind, FAILURE_LOST);
    assert_true(plain_is_empty(&e.plain));
    close_ends(&e);
}

/* If the program goes away, the dialogue ends at once, whatever the server does. */
static void the_program_goes_away(void **state)
{
    struct ends e;

    (void)state;
    open_ends(&e, 600000);
    close(e.program);
    e.program = -1;
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_PROGRAM_GONE);
    close_ends(&e);

    open_ends(&e, 600000);
    shutdown(e.program, SHUT_RDWR);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_PROGRAM_GONE);
    close_ends(&e);
}

/* A program that shut down its sending, or spoke early, still waits. Not one byte of its own is consumed. */
static void a_program_that_waits_is_let_wait(void **state)
{
    struct ends e;
    int unread;

    (void)state;
    open_ends(&e, 50);
    assert_false(plain_program_spoke(&e.plain));
    assert_int_equal(send(e.program, "QUIT\r\n", 6, 0), 6);
    assert_true(plain_program_spoke(&e.plain));
    shutdown(e.program, SHUT_WR);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    assert_int_equal(e.why.kind, FAILURE_TIMEOUT);
    assert_int_equal(ioctl(e.near[1], FIONREAD, &unread), 0);
    assert_int_equal(unread, KEPT_BYTES + 6);
    e.plain.program = -1;
    assert_false(plain_program_spoke(&e.plain));
    close_ends(&e);
}

/* What the program wrote before it left must arrive: the dialogue goes on without it. */
static void a_program_that_has_left_words_is_no_reason_to_end(void **state)
{
    const struct linger cut = {.l_onoff = 1};
    struct ends e;

    (void)state;
    for (int way = 0; way < 2; way++) {
        open_ends(&e, 600000);
        assert_int_equal(send(e.program, "QUIT\r\n", 6, 0), 6);
        if (way == 0) {
            close(e.program);
            e.program = -1;
        } else {
            shutdown(e.program, SHUT_RDWR);
        }
        assert_int_equal(plain_wait(&e.plain, POLLIN, plain_now() + 50), WAIT_TIMEOUT);
        says(&e, "220 hello\r\n", 11);
        assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), 9);
        assert_true(plain_is_alone(&e.plain));
        assert_int_equal(plain_unsent(&e.plain), 6);
        e.plain.filled = 6; /* the library's filler: the program has said nothing */
        assert_int_equal(plain_wait(&e.plain, POLLIN, plain_now() + 600000), WAIT_PROGRAM_GONE);
        e.plain.filled = 0;
        assert_int_equal(setsockopt(e.near[0], SOL_SOCKET, SO_LINGER, &cut, sizeof cut), 0);
        assert_int_equal(plain_wait(&e.plain, POLLIN, plain_now() + 600000), WAIT_PROGRAM_GONE);
        close_ends(&e);
    }
}

static void ignore(int number)
{
    (void)number;
}

static void signals_do_not_put_the_deadline_off(void **state)
{
    const struct sigaction action = {.sa_handler = ignore};
    const struct itimerval every = {.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 2000}},
                           never = {0};
    const int64_t start = plain_now();
    struct ends e;

    (void)state;
    open_ends(&e, 60);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), -1);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_int_equal(e.why.kind, FAILURE_TIMEOUT);
    assert_true(plain_now() - start >= 60);
    close_ends(&e);
}

/*
 * If poll() itself fails (more descriptors than RLIMIT_NOFILE allows), the dialogue ends instead of spinning.
 */
static void no_way_to_wait(void **state)
{
    struct rlimit usual, none;
    struct ends e;

    (void)state;
    open_ends(&e, 600000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = usual;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(plain_wait(&e.plain, POLLIN, e.plain.deadline), WAIT_TIMEOUT);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    close_ends(&e);
}

/* A transport whose reads are short or interrupted, which a socket's never are. */
static int interruptions;

static ssize_t interrupted_read(struct transport *t, void *buffer, size_t size)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return recv(t->descriptor, buffer, size < 2 ? size : 2, MSG_DONTWAIT);
}

static void short_and_interrupted_reads(void **state)
{
    struct ends e;

    (void)state;
    open_ends(&e, 30000);
    e.transport.read = interrupted_read;
    interruptions = 3;
    says(&e, "220 go ahead\r\nx", 15);
    assert_int_equal(plain_read_line(&e.plain, e.line, &e.why), 12);
    assert_string_equal(e.line, "220 go ahead");
    close_ends(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_beyond_the_line),
        cmocka_unit_test(the_longest_line),
        cmocka_unit_test(bytes_that_no_line_may_hold),
        cmocka_unit_test(a_negotiation_reads_no_more_than_its_limit),
        cmocka_unit_test(exact_counts),
        cmocka_unit_test(a_long_literal_is_skipped),
        cmocka_unit_test(a_dripping_server_meets_the_deadline),
        cmocka_unit_test(a_deadline_that_has_passed),
        cmocka_unit_test(a_server_that_does_not_read_meets_the_deadline),
        cmocka_unit_test(a_connection_that_is_lost),
        cmocka_unit_test(the_program_goes_away),
        cmocka_unit_test(a_program_that_waits_is_let_wait),
        cmocka_unit_test(a_program_that_has_left_words_is_no_reason_to_end),
        cmocka_unit_test(signals_do_not_put_the_deadline_off),
        cmocka_unit_test(no_way_to_wait),
        cmocka_unit_test(short_and_interrupted_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
