/*
 * What each resolver call of libc's leads to in the memory of names. The names come from /etc/hosts
 * (localhost), from address literals, and from a DNS server of the test's own that libresolv is pointed to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "preload/names/names.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/dns_answers.h"

static const char *name_at(int family, const char *text, uint16_t port)
{
    static struct names_found found;
    struct wire_address address = {.family = (uint16_t)family, .port = port};

    if (inet_pton(family, text, address.bytes) != 1)
        abort();
    names_find(&address, &found);
    return found.count == 0 ? "" : found.count == 1 ? found.name[0] : "(several)";
}

/* So that each test begins with no name known: an answer with too many addresses makes all others unusable.
 */
static int forget(void **state)
{
    struct names_question question;
    struct wire_address address = {.family = AF_INET, .bytes = {203, 0, 113}};

    (void)state;
    names_start();
    question = names_begin("huge.example", true);
    for (int i = 0; i <= NAME_ANSWER_LIMIT; i++) {
        address.bytes[3] = (uint8_t)i;
        names_answer(&question, &address);
    }
    return 0;
}

static void look_up(const char *node, const char *service, const struct addrinfo *hints)
{
    struct addrinfo *result;

    assert_int_equal(getaddrinfo(node, service, hints, &result), 0);
    freeaddrinfo(result);
}

static void numeric_service_is_the_port(void **state)
{
    (void)state;
    look_up("localhost", "1143", NULL);
    look_up("127.0.0.1", "143", NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 1143), "localhost");
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "127.0.0.1");
}

static void service_name_is_the_port_it_resolved_to(void **state)
{
    (void)state;
    look_up("localhost", "pop3", NULL);
    look_up("127.0.0.1", "143", NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 110), "localhost");
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "127.0.0.1");
}

static void no_service_is_any_port(void **state)
{
    (void)state;
    look_up("localhost", NULL, NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "localhost");
}

/* The canonical name is the resolver's word, not the program's. (test_threats_h has one that differs.) */
static void canonical_name_is_not_the_name(void **state)
{
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_family = AF_INET};

    (void)state;
    look_up("LocalHost", "143", &hints);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "LocalHost");
}

static void address_literals_are_names_in_plain_form(void **state)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};

    (void)state;
    look_up("192.0.2.1", "143", NULL);
    assert_string_equal(name_at(AF_INET, "192.0.2.1", 143), "192.0.2.1");
    look_up("0xc0.2", "143", &numeric);
    assert_string_equal(name_at(AF_INET, "192.0.0.2", 143), "192.0.0.2");
    look_up("2001:DB8:0::1", "143", &numeric);
    assert_string_equal(name_at(AF_INET6, "2001:db8::1", 143), "2001:db8::1");
    look_up("fe80::1%lo", "143", NULL);
    assert_string_equal(name_at(AF_INET6, "fe80::1", 143), "fe80::1");
}

static void no_node_is_no_name(void **state)
{
    (void)state;
    look_up(NULL, "143", NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "");
}

static void failed_lookup_feeds_nothing_and_keeps_its_error(void **state)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *result;

    (void)state;
    assert_int_equal(getaddrinfo("localhost", "143", &hints, &result), EAI_NONAME);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "");
}

static void errno_is_what_libc_left(void **state)
{
    (void)state;
    errno = EDOM;
    look_up("192.0.2.1", "143", NULL);
    assert_int_equal(errno, EDOM);
}

static void mapped_address_is_the_ipv4_one(void **state)
{
    const struct addrinfo hints = {.ai_flags = AI_V4MAPPED, .ai_family = AF_INET6};

    (void)state;
    look_up("192.0.2.3", "143", &hints);
    assert_string_equal(name_at(AF_INET, "192.0.2.3", 143), "192.0.2.3");
}

static void gethostbyname_family_is_watched(void **state)
{
    struct hostent host, *result;
    char buffer[4096];
    int why;

    (void)state;
    assert_non_null(gethostbyname("localhost"));
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "localhost");
    assert_non_null(gethostbyname2("LOCALHOST", AF_INET));
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "localhost");
    assert_non_null(gethostbyname2("2001:db8::2", AF_INET6));
    assert_string_equal(name_at(AF_INET6, "2001:db8::2", 143), "2001:db8::2");
    assert_int_equal(gethostbyname_r("192.0.2.4", &host, buffer, sizeof buffer, &result, &why), 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.4", 143), "192.0.2.4");
    assert_int_equal(gethostbyname2_r("192.0.2.5", AF_INET, &host, buffer, sizeof buffer, &result, &why), 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.5", 143), "192.0.2.5");
}

static void reverse_lookup_feeds_nothing(void **state)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char host[256];

    (void)state;
    assert_int_equal(getnameinfo((const struct sockaddr *)&address, sizeof address, host, sizeof host, NULL,
                                 0, NI_NAMEREQD),
                     0);
    assert_non_null(gethostbyaddr(&address.sin_addr, sizeof address.sin_addr, AF_INET));
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "");
}

/* ---- getaddrinfo_a(): libc's own threads do it, and under TSan they crash, also without us */

#ifndef __SANITIZE_THREAD__
#    if defined __has_feature
#        if __has_feature(thread_sanitizer)
#            define __SANITIZE_THREAD__ 1
#        endif
#    endif
#endif

#ifndef __SANITIZE_THREAD__

static struct gaicb request(const char *name, const char *service)
{
    return (struct gaicb){.ar_name = name, .ar_service = service};
}

static void asynchronous_lookup_waited_for(void **state)
{
    struct gaicb one = request("192.0.2.10", "143");
    struct gaicb *list[] = {&one};

    (void)state;
    assert_int_equal(getaddrinfo_a(GAI_WAIT, list, 1, NULL), 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.10", 143), "192.0.2.10");
    freeaddrinfo(one.ar_result);
}

static void asynchronous_lookup_suspended_for(void **state)
{
    struct gaicb one = request("192.0.2.11", "143");
    struct gaicb *list[] = {NULL, &one};
    const struct gaicb *const waiting[] = {NULL, &one};
    int error;

    (void)state;
    assert_int_equal(getaddrinfo_a(GAI_NOWAIT, list, 2, NULL), 0);
    do
        error = gai_suspend(waiting, 2, NULL);
    while (error == EAI_INTR);
    assert_true(error == 0 || error == EAI_ALLDONE);
    assert_string_equal(name_at(AF_INET, "192.0.2.11", 143), "192.0.2.11");
    freeaddrinfo(one.ar_result);
}

static void asynchronous_lookup_asked_for(void **state)
{
    struct gaicb one = request("192.0.2.13", "143");
    struct gaicb *list[] = {&one};
    const struct timespec moment = {.tv_nsec = 1000000};
    int error;

    (void)state;
    assert_int_equal(getaddrinfo_a(GAI_NOWAIT, list, 1, NULL), 0);
    while ((error = gai_error(&one)) == EAI_INPROGRESS)
        nanosleep(&moment, NULL);
    assert_int_equal(error, 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.13", 143), "192.0.2.13");
    freeaddrinfo(one.ar_result);
}

/* Which of two was asked for last, the order of collecting does not tell: the certificate must be for both.
 */
static void asynchronous_lookups_have_no_order(void **state)
{
    struct gaicb one = request("localhost", "143"), two = request("127.0.0.1", "143");
    struct gaicb *list[] = {&one, &two};

    (void)state;
    assert_int_equal(getaddrinfo_a(GAI_WAIT, list, 2, NULL), 0);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "(several)");
    freeaddrinfo(one.ar_result);
    freeaddrinfo(two.ar_result);
}

static int notified[2];

static void notice(union sigval value)
{
    const char known = strcmp(name_at(AF_INET, "192.0.2.12", 143), "192.0.2.12") == 0 ? 'y' : 'n';

    if (value.sival_int != 42 || write(notified[1], &known, 1) != 1)
        abort();
}

static void asynchronous_lookup_is_known_when_the_program_is_notified(void **state)
{
    struct gaicb one = request("192.0.2.12", "143");
    struct gaicb *list[] = {&one};
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notice, .sigev_value.sival_int = 42};
    char known;

    (void)state;
    assert_int_equal(pipe(notified), 0);
    assert_int_equal(getaddrinfo_a(GAI_NOWAIT, list, 1, &event), 0);
    assert_int_equal(read(notified[0], &known, 1), 1);
    assert_int_equal(known, 'y');
    close(notified[0]);
    close(notified[1]);
    freeaddrinfo(one.ar_result);
}

#endif

/* ---- libresolv */

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

/* The DNS may say anything of "0x7f.1": the address in its answer is not the one that the name stands for. */
static void answer_is_not_what_a_literal_stands_for(void **state)
{
    unsigned char answer[1024];

    (void)state;
    assert_true(res_query("192.0.2.99", C_IN, T_A, answer, sizeof answer) > 0);
    assert_string_equal(name_at(AF_INET, "192.0.2.20", 25), "192.0.2.99");
}

/* An answer to a question for mail exchangers gives no address, and its names must not count as asked for. */
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

/* The program might find a name in it that we did not. */
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
        cmocka_unit_test_setup(numeric_service_is_the_port, forget),
        cmocka_unit_test_setup(service_name_is_the_port_it_resolved_to, forget),
        cmocka_unit_test_setup(no_service_is_any_port, forget),
        cmocka_unit_test_setup(canonical_name_is_not_the_name, forget),
        cmocka_unit_test_setup(address_literals_are_names_in_plain_form, forget),
        cmocka_unit_test_setup(no_node_is_no_name, forget),
        cmocka_unit_test_setup(failed_lookup_feeds_nothing_and_keeps_its_error, forget),
        cmocka_unit_test_setup(errno_is_what_libc_left, forget),
        cmocka_unit_test_setup(mapped_address_is_the_ipv4_one, forget),
        cmocka_unit_test_setup(gethostbyname_family_is_watched, forget),
        cmocka_unit_test_setup(reverse_lookup_feeds_nothing, forget),
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test_setup(asynchronous_lookup_waited_for, forget),
        cmocka_unit_test_setup(asynchronous_lookup_suspended_for, forget),
        cmocka_unit_test_setup(asynchronous_lookup_asked_for, forget),
        cmocka_unit_test_setup(asynchronous_lookups_have_no_order, forget),
        cmocka_unit_test_setup(asynchronous_lookup_is_known_when_the_program_is_notified, forget),
#endif
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
