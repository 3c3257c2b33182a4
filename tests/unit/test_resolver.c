/*
 * What each resolver call of libc adds to the memory of names. The names come from /etc/hosts (localhost),
 * and from address literals.
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

#include "preload/names/gai_requests.h"
#include "preload/names/names.h"
#include "tests/unit/resolver_helpers.h"

static void look_up(const char *node, const char *service, const struct addrinfo *hints)
{
    struct addrinfo *result;

    assert_int_equal(getaddrinfo(node, service, hints, &result), 0);
    freeaddrinfo(result);
}

static void numeric_service_is_the_port(void **state)
{
    (void)state;
    look_up("127.0.0.1", "143", NULL);
    look_up("localhost", "1143", NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 1143), "localhost");
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "127.0.0.1");
}

static void service_name_is_the_port_it_resolved_to(void **state)
{
    (void)state;
    look_up("127.0.0.1", "143", NULL);
    look_up("localhost", "pop3", NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 110), "localhost");
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "127.0.0.1");
}

static void no_service_is_any_port(void **state)
{
    (void)state;
    look_up("localhost", NULL, NULL);
    assert_string_equal(name_at(AF_INET, "127.0.0.1", 143), "localhost");
}

/*
 * The canonical name is the resolver's answer, not the program's question. (test_threats_h has one that
 * differs.)
 */
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

/* ---- getaddrinfo_a(): libc uses its own threads, which crash under TSan even without us */

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

/* The program may take a signal, or look at ar_result, and connect to what it finds there. */
static void asynchronous_lookup_that_the_program_does_not_ask_about_is_owed(void **state)
{
    struct gaicb one = request("192.0.2.14", "143");
    struct gaicb *list[] = {&one};
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    const struct timespec moment = {.tv_nsec = 1000000};

    (void)state;
    assert_false(gai_requests_owe_answers());
    assert_int_equal(getaddrinfo_a(GAI_NOWAIT, list, 1, &event), 0);
    while (!gai_requests_owe_answers())
        nanosleep(&moment, NULL);
    assert_int_equal(gai_error(&one), 0);
    assert_false(gai_requests_owe_answers());
    freeaddrinfo(one.ar_result);
}

/* However many are under way at once, nothing is owed once the program has asked about each. */
static void many_asynchronous_lookups_at_once(void **state)
{
    enum { MANY = 300 };
    static struct gaicb each[MANY];
    struct gaicb *list[MANY];
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    const struct timespec moment = {.tv_nsec = 1000000};
    int error;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        each[i] = request("192.0.2.14", "143");
        list[i] = &each[i];
    }
    assert_int_equal(getaddrinfo_a(GAI_NOWAIT, list, MANY, &event), 0);
    for (int i = 0; i < MANY; i++) {
        while ((error = gai_error(&each[i])) == EAI_INPROGRESS)
            nanosleep(&moment, NULL);
        assert_int_equal(error, 0);
        freeaddrinfo(each[i].ar_result);
    }
    assert_false(gai_requests_owe_answers());
}

/* The order of collecting does not show which of two was asked for last: the certificate must match both. */
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
        cmocka_unit_test_setup(asynchronous_lookup_that_the_program_does_not_ask_about_is_owed, forget),
        cmocka_unit_test_setup(many_asynchronous_lookups_at_once, forget),
        cmocka_unit_test_setup(asynchronous_lookups_have_no_order, forget),
        cmocka_unit_test_setup(asynchronous_lookup_is_known_when_the_program_is_notified, forget),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
