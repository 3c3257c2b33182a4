/*
 * A server that never stops sending keeps nobody longer than one that says nothing.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "relay/plain.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/pump_rig.h"
#include "tests/unit/tls_peer.h"

static int ignore_sigpipe(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

struct flood {
    int fd;
    const unsigned char *piece;
    size_t length;
    pthread_t thread;
};

/* Until nobody reads any more. */
static void *send_on(void *argument)
{
    struct flood *f = argument;
    static unsigned char pieces[1 << 20];
    size_t used = 0;

    while (used + f->length <= sizeof pieces) {
        memcpy(pieces + used, f->piece, f->length);
        used += f->length;
    }
    while (send(f->fd, pieces, used, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

/* A client ignores a HelloRequest while it is shaking hands (RFC 5246, 7.4.1.1). */
static void a_handshake_of_hello_requests_ends_in_time(void **state)
{
    static const unsigned char hello_request[] = {22, 3, 3, 0, 4, 0, 0, 0, 0};
    static const struct text_list asked = {.count = 1, .item = {"mail.example"}};
    const struct wire_address address = {.family = AF_INET, .port = 143};
    const struct settings settings = {.level = LEVEL_MAY};
    const struct tls_peer peer = {
        .settings = &settings, .asked = &asked, .address = &address, .server = "mail.example"};
    struct transport transport;
    struct plain dialogue = {
        .transport = &transport, .program = -1, .deadline = plain_now() + 500, .server = "mail.example"};
    struct flood flood = {.piece = hello_request, .length = sizeof hello_request};
    struct failure why = {0};
    struct tls tls;
    int pair[2];

    (void)state;
    peer_tcp_pair(pair);
    flood.fd = pair[1];
    assert_int_equal(pthread_create(&flood.thread, NULL, send_on, &flood), 0);
    transport_over_socket(&transport, pair[0]);
    assert_true(tls_open(&tls, pair[0], &peer, &why));
    assert_false(tls_handshake(&tls, &dialogue, &why));
    assert_true(plain_now() < dialogue.deadline + 2000);
    assert_int_equal(why.kind, FAILURE_TLS_TIMEOUT);
    tls_close(&tls);
    close(pair[0]);
    pthread_join(flood.thread, NULL);
    close(pair[1]);
}

/* ---- an open session, and a clock that the test moves on ---- */

static _Atomic int64_t hours_ms; /* that have passed, as all but the kernel are told */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, now);

    now->tv_sec += hours_ms / 1000;
    return result;
}

/* A connection whose program has gone, and whose server takes nothing but says a word now and then. */
static void a_server_that_takes_nothing_is_given_up(void **state)
{
    static const char piece[65536];

    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        int64_t waited = 0;
        bool ended = false;

        rig_open(&rig, rig_kinds[k], "", NULL);
        while (send(rig.program, piece, sizeof piece, MSG_DONTWAIT) > 0 ||
               poll(&(struct pollfd){.fd = rig.program, .events = POLLOUT}, 1, 100) == 1)
            ;
        close(rig.program);
        rig.program = -1;
        while (!ended && waited < 10 * (int64_t)PUMP_FLUSH) {
            const struct timespec moment = {.tv_nsec = 20000000};

            hours_ms += PUMP_FLUSH / 4;
            waited += PUMP_FLUSH / 4;
            if (rig.ssl)
                SSL_write(rig.ssl, ".", 1);
            else
                send(rig.server, ".", 1, MSG_NOSIGNAL);
            nanosleep(&moment, NULL);
            ended = pthread_tryjoin_np(rig.pump, NULL) == 0;
        }
        rig.joined = ended;
        assert_true(ended);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_of_hello_requests_ends_in_time),
        cmocka_unit_test(a_server_that_takes_nothing_is_given_up),
    };

    return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
