/*
 * The kept byte: it stays while it does no harm, and never stops the program from writing, whatever the
 * kernel puts into one buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/guard/pair.h"
#include "relay/io/relay_end.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/pump_rig.h"
#include "tests/unit/tls_peer.h"

enum { LARGE = 1 << 20 };

struct pair_of_ends {
    struct relay_end end;
    int program; /* nonblocking */
    int file;    /* LARGE bytes long */
};

static uint8_t text[LARGE], got[LARGE + 1];

static int make_text(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static void open_pair(struct pair_of_ends *p, int send_buffer)
{
    int pair[2];
    FILE *const file = tmpfile();

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    p->program = pair[0];
    if (send_buffer > 0)
        assert_int_equal(setsockopt(p->program, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer), 0);
    assert_int_equal(send(p->program, "", 1, 0), 1);
    assert_true(relay_end_open(&p->end, pair[1], relay_end_room_of(p->program), 1));
    assert_non_null(file);
    p->file = dup(fileno(file));
    fclose(file);
    assert_int_equal(write(p->file, text, LARGE), LARGE);
}

static void close_pair(struct pair_of_ends *p)
{
    close(p->program);
    close(p->end.fd);
    close(p->end.room);
    close(p->file);
}

static int queued(const struct pair_of_ends *p)
{
    int n = -1;

    ioctl(p->end.fd, FIONREAD, &n);
    return n;
}

static bool is_writable(const struct pair_of_ends *p)
{
    struct pollfd polled = {.fd = p->program, .events = POLLOUT};

    return poll(&polled, 1, 0) == 1;
}

/* Reads until there is nothing left, then waits, as the pump does. */
static size_t drain(struct pair_of_ends *p, size_t at)
{
    size_t count = 0;
    ssize_t n;

    while ((n = relay_end_read(&p->end, got + at + count, sizeof got - at - count)) > 0)
        count += (size_t)n;
    assert_true(n < 0 && errno == EAGAIN);
    relay_end_make_room(&p->end);
    if (p->end.unsettled)
        relay_end_settle(&p->end); /* as after a timeout */
    return count;
}

static ssize_t by_write(struct pair_of_ends *p, size_t at)
{
    return write(p->program, text + at, LARGE - at);
}

static ssize_t by_sendfile(struct pair_of_ends *p, size_t at)
{
    off_t offset = (off_t)at;

    return sendfile(p->program, p->file, &offset, LARGE - at);
}

/* From another socket through a pipe, whose buffers are not single pages but ranges of up to 32 KiB. */
static ssize_t by_splice(struct pair_of_ends *p, size_t at)
{
    int tcp[2], ends[2];
    size_t size = LARGE - at < 500000 ? LARGE - at : 500000, filled = 0;
    ssize_t n, sent = 0;

    peer_tcp_pair(tcp);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[1], F_SETPIPE_SZ, LARGE);
    n = send(tcp[0], text + at, size, MSG_DONTWAIT);
    assert_true(n > 0);
    size = (size_t)n;
    while (filled < size && (n = splice(tcp[1], NULL, ends[1], NULL, size - filled, 0)) > 0)
        filled += (size_t)n;
    assert_int_equal(filled, size);
    while ((size_t)sent < filled && (n = splice(ends[0], NULL, p->program, NULL, filled, 0)) > 0)
        sent += n;
    close(tcp[0]);
    close(tcp[1]);
    close(ends[0]);
    close(ends[1]);
    return sent > 0 ? sent : -1;
}

/* If a program writes as much as it can, and all of that is read, it can write again. */
static void nothing_that_is_kept_holds_the_program_back(void **state)
{
    static ssize_t (*const ways[])(struct pair_of_ends * p, size_t at) = {by_write, by_sendfile, by_splice};
    static const int buffers[] = {1, 8192, 0, 80 * 1024, LARGE};

    (void)state;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        for (size_t b = 0; b < sizeof buffers / sizeof *buffers; b++) {
            struct pair_of_ends p;
            size_t written = 0, read = 0;

            open_pair(&p, buffers[b]);
            while (written < LARGE) {
                const ssize_t n = ways[way](&p, written);

                if (n <= 0)
                    fail_msg("way %zu, buffer %d: %zu written, %zu read, %d queued: %s", way, buffers[b],
                             written, read, queued(&p), strerror(errno));
                written += (size_t)n;
                read += drain(&p, read);
                assert_int_equal(read, written);
                assert_true(is_writable(&p));
            }
            assert_memory_equal(got, text, LARGE);
            close_pair(&p);
        }
    }
}

/* What programs write with write(2) never costs the kept byte, even with a small net.core.wmem_max. */
static void the_byte_is_kept_where_it_does_no_harm(void **state)
{
    static const size_t sizes[] = {1, 100, 4096, 5000, 32768, 40000, 65536, 200000, 3, 1};
    struct pair_of_ends p;

    (void)state;
    open_pair(&p, PAIR_SEND_BUFFER_LEAST / 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ssize_t n;

        for (size_t left = sizes[i]; left > 0; left -= (size_t)n) {
            n = send(p.program, text, left, 0);
            assert_true(n > 0);
            assert_int_equal(drain(&p, 0), n);
        }
        relay_end_settle(&p.end);
        assert_int_equal(queued(&p), 1);
    }
    close_pair(&p);
}

static ssize_t by_splice_from_a_pipe(struct pair_of_ends *p, size_t at)
{
    loff_t offset = (loff_t)at;
    ssize_t n, sent = 0;
    int ends[2];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[1], F_SETPIPE_SZ, LARGE);
    n = splice(p->file, &offset, ends[1], NULL, LARGE - at, 0);
    assert_true(n > 0);
    sent = splice(ends[0], NULL, p->program, NULL, (size_t)n, 0);
    close(ends[0]);
    close(ends[1]);
    return sent;
}

/*
 * Nor does what a program sends by sendfile(2) and splice(2), which bypass the library. The library's send
 * buffer is large enough for what a kernel with pages of 4 KB puts into one buffer.
 */
static void the_byte_is_kept_behind_whole_files(void **state)
{
    static ssize_t (*const ways[])(struct pair_of_ends * p, size_t at) = {by_sendfile, by_splice_from_a_pipe};

    (void)state;
    if (sysconf(_SC_PAGESIZE) > 4096)
        skip(); /* see relay/io/relay_end.h for what is lost there */
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        struct pair_of_ends p;
        size_t written = 0;
        char byte;

        open_pair(&p, PAIR_SEND_BUFFER / 2);
        while (written < LARGE) {
            const ssize_t n = ways[way](&p, written);

            assert_true(n > 0);
            written += (size_t)n;
            drain(&p, 0);
            relay_end_settle(&p.end);
            assert_int_equal(queued(&p), 1);
            assert_true(is_writable(&p));
        }
        close(p.end.fd);
        p.end.fd = -1;
        assert_int_equal(recv(p.program, &byte, 1, 0), -1);
        assert_int_equal(errno, ECONNRESET);
        close_pair(&p);
    }
}

/* If the kept byte had to be consumed, the next bytes take its place, and a killed relay is a reset again. */
static void what_comes_next_is_kept_again(void **state)
{
    struct pair_of_ends p;
    off_t offset = 0;
    char byte;

    (void)state;
    for (int large = 0; large < 2; large++) {
        const size_t next = large ? 6000 : 5;

        open_pair(&p, 80 * 1024);
        offset = 0;
        assert_int_equal(sendfile(p.program, p.file, &offset, 65536), 65536);
        assert_int_equal(drain(&p, 0), 65536);
        if (large)
            p.end.bulk = true;
        assert_int_equal(send(p.program, text, next, 0), next);
        assert_int_equal(drain(&p, 0), next);
        assert_memory_equal(got, text, next);
        relay_end_settle(&p.end);
        assert_int_equal(queued(&p), 1);
        close(p.end.fd);
        p.end.fd = -1;
        assert_int_equal(recv(p.program, &byte, 1, 0), -1);
        assert_int_equal(errno, ECONNRESET);
        close_pair(&p);
    }
}

/* The epoll set does not keep the program's end open. */
static void the_program_is_heard_to_close(void **state)
{
    struct pair_of_ends p;
    struct pollfd polled = {.events = 0};
    uint8_t byte;

    (void)state;
    open_pair(&p, 0);
    assert_int_equal(send(p.program, "x", 1, 0), 1);
    close(p.program);
    p.program = -1;
    polled.fd = p.end.fd;
    assert_int_equal(poll(&polled, 1, 0), 1);
    assert_true(polled.revents & POLLHUP);
    assert_int_equal(relay_end_read(&p.end, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(relay_end_read(&p.end, &byte, 1), 0);
    close_pair(&p);
}

/* A clean end works even with no kept byte to take away. */
static void an_end_in_order_is_one(void **state)
{
    struct pair_of_ends p;
    off_t offset = 0;
    char byte;

    (void)state;
    open_pair(&p, 0);
    assert_int_equal(sendfile(p.program, p.file, &offset, 65536), 65536);
    drain(&p, 0);
    assert_true(relay_end_finish(&p.end));
    assert_int_equal(recv(p.program, &byte, 1, 0), 0);
    assert_int_equal(send(p.program, "late", 4, 0), 4);
    assert_int_equal(relay_end_read(&p.end, got, LARGE), 4);
    assert_memory_equal(got, "late", 4);
    close_pair(&p);
}

static void *send_file(void *argument)
{
    const struct rig *const rig = argument;
    FILE *const file = tmpfile();
    size_t sent = 0;

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, LARGE, file), LARGE);
    fflush(file);
    for (int i = 0; i < 4; i++) {
        off_t offset = 0;
        ssize_t n;

        while (offset < LARGE &&
               (n = sendfile(rig->program, fileno(file), &offset, LARGE - (size_t)offset)) > 0)
            sent += (size_t)n;
    }
    fclose(file);
    return sent == 4 * LARGE ? argument : NULL;
}

/* The whole pump with a program that waits inside sendfile(2), where the library cannot help. */
static void a_blocking_upload_of_large_buffers_ends(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        pthread_t program;
        void *good;

        rig_open(&rig, rig_kinds[k], "", NULL);
        pthread_create(&program, NULL, send_file, &rig);
        for (int i = 0; i < 4; i++) {
            rig_server_read(&rig, got, LARGE);
            assert_memory_equal(got, text, LARGE);
        }
        pthread_join(program, &good);
        assert_non_null(good);
        rig_close(&rig);
    }
}

/*
 * While a connect() is under way, filler fills the program's end. The relay must read none of it as the
 * program's words, which it would if it set the position of MSG_PEEK too early.
 */
static void of_the_filler_nothing_is_read(void **state)
{
    struct relay_end end;
    int pair[2], room;
    uint8_t filler[100] = {0}, bytes[sizeof filler];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(send(pair[0], filler, sizeof filler, 0), sizeof filler);
    room = relay_end_room_of(pair[0]);
    assert_true(relay_end_open(&end, pair[1], room, sizeof filler));
    assert_int_equal(relay_end_read(&end, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(send(pair[0], "hello", 5, 0), 5);
    assert_int_equal(relay_end_read(&end, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "hello", 5);
    close(pair[0]);
    close(pair[1]);
    close(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_the_filler_nothing_is_read),
        cmocka_unit_test(nothing_that_is_kept_holds_the_program_back),
        cmocka_unit_test(the_byte_is_kept_where_it_does_no_harm),
        cmocka_unit_test(the_byte_is_kept_behind_whole_files),
        cmocka_unit_test(what_comes_next_is_kept_again),
        cmocka_unit_test(the_program_is_heard_to_close),
        cmocka_unit_test(an_end_in_order_is_one),
        cmocka_unit_test(a_blocking_upload_of_large_buffers_ends),
    };

    return cmocka_run_group_tests(tests, make_text, NULL);
}
