/*
 * What has happened on a TCP socket: whether TLS may still begin. A wrong answer would send plaintext, or
 * take a server's own connections for a client's.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "preload/descriptor/tcp_use.h"

/* A client's connection that nobody has used. Its SYN was acknowledged. */
static const struct tcp_counts fresh = {
    .state = TCP_ESTABLISHED, .bytes_acked = 1, .segs_out = 2, .segs_in = 1};

static enum tcp_use use(struct tcp_counts counts, uint32_t unread, uint32_t unacked)
{
    return tcp_use_of(&counts, sizeof counts, unread, unacked);
}

static void untouched_while_all_that_came_is_unread(void **state)
{
    struct tcp_counts c = fresh;

    (void)state;
    assert_int_equal(use(c, 0, 0), USE_UNTOUCHED);
    c.bytes_received = 40;
    assert_int_equal(use(c, 40, 0), USE_UNTOUCHED);
    assert_int_equal(use(c, 39, 0), USE_TOUCHED);
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
    c.state = TCP_CLOSE_WAIT; /* the server has greeted and closed: the FIN counts as one byte */
    c.bytes_received = 41;
    assert_int_equal(use(c, 40, 0), USE_UNTOUCHED);
    assert_int_equal(use(c, 41, 0), USE_TOUCHED);
}

static void touched_by_anything_written(void **state)
{
    struct tcp_counts c = fresh;

    (void)state;
    assert_int_equal(use(c, 0, 5), USE_TOUCHED);
    c.bytes_sent = 5;
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
    c = fresh;
    c.notsent_bytes = 5;
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
    c = fresh;
    c.data_segs_out = 1;
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
    c = fresh;
    c.bytes_acked = 6;
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
}

static void a_servers_side_has_sent_no_syn(void **state)
{
    struct tcp_counts c = fresh;

    (void)state;
    c.bytes_acked = 0;
    assert_int_equal(use(c, 0, 0), USE_ACCEPTED);
    c.bytes_received = 10;
    assert_int_equal(use(c, 0, 0), USE_ACCEPTED);
    c.bytes_sent = c.bytes_acked = 100;
    assert_int_equal(use(c, 0, 0), USE_ACCEPTED);
    c.bytes_sent = 150; /* 20 of them sent twice, 30 on the way */
    c.bytes_retrans = 20;
    assert_int_equal(use(c, 0, 30), USE_ACCEPTED);
    c.notsent_bytes = 7;
    assert_int_equal(use(c, 0, 37), USE_ACCEPTED);
    c.bytes_acked++; /* a client's connection with the same numbers */
    assert_int_equal(use(c, 0, 37), USE_TOUCHED);
    c.state = TCP_SYN_RECV;
    assert_int_equal(use(c, 0, 0), USE_ACCEPTED);
}

/*
 * Fields that an older kernel does not report do not count. A kernel that is too old reports too little to be
 * sure.
 */
static void fields_that_the_kernel_did_not_give_do_not_count(void **state)
{
    struct tcp_counts c = fresh;

    (void)state;
    memset(&c.notsent_bytes, 0xff, sizeof c - offsetof(struct tcp_counts, notsent_bytes));
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, segs_out), 0, 0), USE_UNTOUCHED);
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, segs_out), 0, 1), USE_TOUCHED);
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, notsent_bytes), 0, 0), USE_UNTOUCHED);
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, bytes_received), 0, 0), USE_TOUCHED);
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, bytes_acked), 0, 0), USE_TOUCHED);
    c.bytes_acked = 0;
    assert_int_equal(tcp_use_of(&c, offsetof(struct tcp_counts, segs_out), 0, 0), USE_ACCEPTED);
    assert_int_equal(tcp_use_of(&c, 0, 0, 0), USE_TOUCHED);
}

static void other_states(void **state)
{
    struct tcp_counts c = fresh;

    (void)state;
    c.state = TCP_SYN_SENT;
    assert_int_equal(use(c, 0, 0), USE_CONNECTING);
    c.state = TCP_CLOSE;
    assert_int_equal(use(c, 0, 0), USE_NONE);
    c.state = TCP_LISTEN;
    assert_int_equal(use(c, 0, 0), USE_NONE);
    c.state = TCP_FIN_WAIT2; /* shutdown(SHUT_WR): too late for a handshake */
    assert_int_equal(use(c, 0, 0), USE_TOUCHED);
}

struct both {
    int listener, client, server;
};

static struct both connected(void)
{
    struct both b = {.listener = socket(AF_INET, SOCK_STREAM, 0), .client = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    assert_int_equal(bind(b.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(b.listener, 1), 0);
    assert_int_equal(getsockname(b.listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(tcp_use(b.client), USE_NONE);
    assert_int_equal(connect(b.client, (struct sockaddr *)&address, sizeof address), 0);
    b.server = accept(b.listener, NULL, NULL);
    assert_true(b.server >= 0);
    return b;
}

static void disconnect(struct both b)
{
    close(b.server);
    close(b.client);
    close(b.listener);
}

static void await(int fd)
{
    struct pollfd set = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&set, 1, 10000), 1);
}

/* qemu-user reports only the first four bytes. */
static void need_the_kernels_counts(void)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    close(fd);
    if (length > 4)
        return;
    print_message("TCP_INFO counts nothing\n");
    skip();
}

static void the_kernel_counts_so(void **state)
{
    struct both b;
    char byte;

    (void)state;
    need_the_kernels_counts();
    b = connected();
    assert_int_equal(tcp_use(b.listener), USE_NONE);
    assert_int_equal(tcp_use(b.client), USE_UNTOUCHED);
    assert_int_equal(tcp_use(b.server), USE_ACCEPTED);
    assert_int_equal(write(b.server, "220 hello\r\n", 11), 11);
    await(b.client);
    assert_int_equal(tcp_use(b.client), USE_UNTOUCHED);
    assert_int_equal(tcp_use(b.server), USE_ACCEPTED);
    assert_int_equal(recv(b.client, &byte, 1, MSG_PEEK), 1);
    assert_int_equal(tcp_use(b.client), USE_UNTOUCHED);
    assert_int_equal(read(b.client, &byte, 1), 1);
    assert_int_equal(tcp_use(b.client), USE_TOUCHED);
    assert_int_equal(write(b.client, "EHLO\r\n", 6), 6);
    await(b.server);
    assert_int_equal(tcp_use(b.client), USE_TOUCHED);
    assert_int_equal(tcp_use(b.server), USE_ACCEPTED);
    disconnect(b);
}

static void the_kernel_counts_a_fin_so(void **state)
{
    struct both b;

    (void)state;
    need_the_kernels_counts();
    b = connected();
    assert_int_equal(write(b.server, "* BYE\r\n", 7), 7);
    assert_int_equal(shutdown(b.server, SHUT_WR), 0);
    struct pollfd set = {.fd = b.client, .events = POLLRDHUP};
    assert_int_equal(poll(&set, 1, 10000), 1);
    assert_int_equal(tcp_use(b.client), USE_UNTOUCHED);
    disconnect(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_while_all_that_came_is_unread),
        cmocka_unit_test(touched_by_anything_written),
        cmocka_unit_test(a_servers_side_has_sent_no_syn),
        cmocka_unit_test(fields_that_the_kernel_did_not_give_do_not_count),
        cmocka_unit_test(other_states),
        cmocka_unit_test(the_kernel_counts_so),
        cmocka_unit_test(the_kernel_counts_a_fin_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
