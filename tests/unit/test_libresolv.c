/* What libresolv's calls add to the memory of names. The answers come from the test's own DNS server. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/dns_answers.h"
#include "tests/unit/resolver_helpers.h"

static struct {
    int fd;
    struct sockaddr_in address;
    pthread_t thread;
} server;

static void point(struct __res_state *resolver)
{
    resolver->nscount = 1;
    resolver->nsaddr_list[0] = server.address;
    resolver->options = (resolver->options & ~(unsigned long)(RES_ROTATE | RES_USEVC)) | RES_RECURSE;
    resolver->retrans = 5;
    resolver->dnsrch[0] = NULL;
}

static int start_server(void **state)
{
    socklen_t size = sizeof server.address;

    forget(state);
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    server.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&server.address, size) != 0 ||
        getsockname(server.fd, (struct sockaddr *)&server.address, &size) != 0 ||
        pthread_create(&server.thread, NULL, answer_queries, &server.fd) != 0 || res_init() != 0)
        return -1;
    point(&_res);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    sendto(server.fd, "", 0, 0, (struct sockaddr *)&server.address, sizeof server.address);
    pthread_join(server.thread, NULL);
    return close(server.fd);
}

static void res_query_and_res_search_are_watched(void **state)
{
    unsigned char answer[1024];

    (void)state;
    assert_true(res_query("Mail.Example.Org", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "Mail.Example.Org");
    assert_string_equal(name_at(AF_INET, "192.0.2.21", 25), "Mail.Example.Org");
    assert_true(res_search("six.example.org.", C_IN, T_AAAA, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET6, "2001:db8::20", 25), "six.example.org.");
}

static void res_nquery_and_res_nsearch_are_watched(void **state)
{
    struct __res_state resolver = {0};
    unsigned char answer[1024];

    (void)state;
    assert_int_equal(res_ninit(&resolver), 0);
    point(&resolver);
    assert_true(res_nquery(&resolver, "n.example.org", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "n.example.org");
    assert_true(res_nsearch(&resolver, "s.example.org.", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "s.example.org.");
    res_nclose(&resolver);
}

static void res_querydomain_and_res_nquerydomain_are_watched(void **state)
{
    struct __res_state resolver = {0};
    unsigned char answer[1024];

    (void)state;
    assert_true(res_querydomain("q", "example.org", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "q.example.org");
    assert_true(res_querydomain("whole.example.org", NULL, C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "whole.example.org");
    assert_int_equal(res_ninit(&resolver), 0);
    point(&resolver);
    assert_true(res_nquerydomain(&resolver, "nq", "example.org", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "nq.example.org");
    res_nclose(&resolver);
}

static int write_query(const char *name, unsigned char query[512])
{
    const int length = res_mkquery(QUERY, name, C_IN, T_A, NULL, 0, NULL, query, 512);

    assert_true(length > 0);
    return length;
}

static void res_send_and_res_nsend_are_watched(void **state)
{
    struct __res_state resolver = {0};
    unsigned char query[512], answer[1024];
    int length = write_query("sent.example.org", query);

    (void)state;
    assert_true(res_send(query, length, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "sent.example.org");
    assert_int_equal(res_ninit(&resolver), 0);
    point(&resolver);
    length = write_query("nsent.example.org", query);
    assert_true(res_nsend(&resolver, query, length, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "nsent.example.org");
    res_nclose(&resolver);
}

/*
 * The DNS may answer anything for "0x7f.1": the address in its answer is not the one that the name stands
 * for.
 */
static void answer_is_not_what_a_literal_stands_for(void **state)
{
    unsigned char answer[1024];

    (void)state;
    assert_true(res_query("192.0.2.99", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "192.0.2.99");
}

/* An answer about mail exchangers gives no address, and its names must not count as looked up. */
static void exchanger_is_remembered_with_its_domain(void **state)
{
    static struct names_found found;
    const struct wire_address address = {.family = AF_INET, .port = 25, .bytes = {192, 0, 2, 20}};
    unsigned char answer[1024];

    (void)state;
    assert_true(res_search("example.org.", C_IN, T_MX, answer, sizeof answer) > 0);
    assert_true(res_query("mx.example.net", C_IN, T_A, answer, sizeof answer) > 0);
    names_find(&address, &found);
    assert_int_equal(found.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        if (strcmp(found.name[i], "mx.example.net") == 0)
            assert_true(found.exchanger[i] == 0);
        else
            assert_true(strcmp(found.name[i], "example.org.") == 0 &&
                        found.exchanger[i] == name_hash("mx.example.net"));
    }
}

/* The program might find a name in it that we did not find. */
static void malformed_answer_is_kept_from_the_program(void **state)
{
    unsigned char query[512], answer[1024];
    int length;

    (void)state;
    h_errno = 0;
    assert_int_equal(res_query("example.org", C_IN, T_CNAME, answer, sizeof answer), -1);
    assert_int_equal(h_errno, NO_RECOVERY);
    length = res_mkquery(QUERY, "example.org", C_IN, T_CNAME, NULL, 0, NULL, query, sizeof query);
    assert_int_equal(res_send(query, length, answer, sizeof answer), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(res_query_and_res_search_are_watched, start_server, stop_server),
        cmocka_unit_test_setup_teardown(answer_is_not_what_a_literal_stands_for, start_server, stop_server),
        cmocka_unit_test_setup_teardown(res_nquery_and_res_nsearch_are_watched, start_server, stop_server),
        cmocka_unit_test_setup_teardown(res_querydomain_and_res_nquerydomain_are_watched, start_server,
                                        stop_server),
        cmocka_unit_test_setup_teardown(res_send_and_res_nsend_are_watched, start_server, stop_server),
        cmocka_unit_test_setup_teardown(exchanger_is_remembered_with_its_domain, start_server, stop_server),
        cmocka_unit_test_setup_teardown(malformed_answer_is_kept_from_the_program, start_server, stop_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
