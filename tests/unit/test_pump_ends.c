/* How a session ends, as each side sees it: cleanly, cut, reset, ended by the program or by the server. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/pump_rig.h"

static int ignore_sigpipe(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

static void a_half_close_goes_through_and_reading_goes_on(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[4];

        rig_open(&rig, rig_kinds[k], "", NULL);
        rig_program_write(&rig, "last");
        shutdown(rig.program, SHUT_WR);
        rig_server_read(&rig, got, 4);
        assert_memory_equal(got, "last", 4);
        if (rig.ssl) {
            size_t n;

            assert_int_equal(SSL_read_ex(rig.ssl, got, 1, &n), 0);
            assert_int_equal(SSL_get_error(rig.ssl, 0), SSL_ERROR_ZERO_RETURN);
        }
        assert_int_equal(recv(rig.server, got, 1, 0), 0); /* and the FIN */
        rig_server_write(&rig, "answer", 6);
        rig_program_expect(&rig, "answer");
        rig_end_in_order(&rig);
        assert_int_equal(rig_program_read(&rig, got, 1), 0);
        assert_int_equal(rig_join(&rig), PUMP_ENDED);
        rig_close(&rig);
    }
}

/*
 * printf 'RETR 1\r\nQUIT\r\n' | nc -N: on a close_notify, dovecot and courier drop what they have not sent.
 * So we send it only when the server has ended, or when the program has gone and hears no answer.
 */
static void after_a_farewell_a_half_close_waits_for_the_answers(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (int goes = 0; goes <= 1; goes++) {
            struct rig rig;
            struct pollfd server;
            char got[14];
            size_t n;

            rig_open(&rig, (enum rig_kind)version, "", NULL);
            rig_program_write(&rig, "RETR 1\r\nQUIT\r\n");
            shutdown(rig.program, SHUT_WR);
            rig_server_read(&rig, got, sizeof got);
            server = (struct pollfd){.fd = rig.server, .events = POLLIN};
            rig_server_write(&rig, "the mail", 8);
            rig_program_expect(&rig, "the mail");
            assert_int_equal(poll(&server, 1, PUMP_ANSWERS + 100), 0); /* no close_notify, no FIN */
            if (goes) {
                close(rig.program);
                rig.program = -1;
            } else {
                rig_server_write(&rig, "bye", 3);
                rig_end_in_order(&rig);
            }
            assert_int_equal(SSL_read_ex(rig.ssl, got, 1, &n), 0);
            assert_int_equal(SSL_get_error(rig.ssl, 0), SSL_ERROR_ZERO_RETURN);
            if (goes) {
                rig_end_in_order(&rig);
            } else {
                rig_program_expect(&rig, "bye");
                assert_int_equal(rig_program_read(&rig, got, 1), 0);
            }
            assert_int_equal(rig_join(&rig), PUMP_ENDED);
            rig_close(&rig);
        }
    }
}

/* Over TCP, a program may write after the server's FIN. So here it must not die of SIGPIPE or get EPIPE. */
static void the_servers_end_is_an_end_of_file_and_writing_goes_on(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[4];

        rig_open(&rig, rig_kinds[k], "", NULL);
        rig_server_write(&rig, "bye", 3);
        rig_end_in_order(&rig);
        rig_program_expect(&rig, "bye");
        assert_int_equal(rig_program_read(&rig, got, 1), 0);
        rig_program_write(&rig, "still there?");
        rig_program_write(&rig, "QUIT\r\n");
        close(rig.program);
        rig.program = -1;
        assert_int_equal(rig_join(&rig), PUMP_ENDED);
        rig_close(&rig);
    }
}

/* F4: whoever cuts the connection, the program learns of it, after it has read what was sent. */
static void a_truncation_is_a_reset(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct rig rig;
        char got[4];

        rig_open(&rig, (enum rig_kind)version, "", NULL);
        rig_program_write(&rig, "RETR 1\r\n");
        rig_server_write(&rig, "half a mess", 11);
        shutdown(rig.server, SHUT_WR);
        rig_program_expect(&rig, "half a mess");
        assert_int_equal(rig_program_read(&rig, got, 1), -ECONNRESET);
        assert_int_equal(rig_join(&rig), PUMP_CUT);
        rig_close(&rig);
    }
}

/* J2: only the reply to the farewell makes an end without close_notify clean (test_farewell.c). */
static void a_bare_close_after_the_reply_to_quit_is_an_end(void **state)
{
    static const struct {
        const struct protocol *protocol;
        const char *said, *answered;
        bool in_order;
    } cases[] = {
        {&protocol_smtp, "QUIT\r\n", "221 bye\r\n", true},
        {&protocol_smtp, "DATA\r\n.\r\nQUIT\r\n", "354 go\r\n250 ok\r\n221 bye\r\n", true},
        {&protocol_lmtp, "QUIT\r\n", "221 bye\r\n", true},
        {&protocol_imap, "a1 LOGOUT\r\n", "* BYE\r\na1 OK\r\n", true},
        {&protocol_pop3, "quit\n", "+OK\r\n", true},
        {&protocol_pop3, "RETR 1\r\nQUIT\r\n", "+OK\r\nthe mail\r\n.\r\n+OK\r\n", true},
        {&protocol_nntp, "QUIT\r\n", "205 bye\r\n", true},
        {&protocol_sieve, "LOGOUT\r\n", "OK\r\n", true},
        {&protocol_smtp, "QUIT\r\n", "", false},
        {&protocol_smtp, "QUIT\r\n", "221 b", false}, /* in the middle of a line */
        {&protocol_smtp, "DATA\r\n.\r\nQUIT\r\n", "354 go\r\n250 ok\r\n", false},
        {&protocol_lmtp, "NOOP\r\n", "221 ok\r\n", false},
        {&protocol_imap, "a1 FETCH 1 X\r\na2 LOGOUT\r\n", "* BYE\r\na1 OK\r\n", false},
        {&protocol_pop3, "RETR 1\r\nQUIT\r\n", "+OK\r\nhalf\r\n+OK\r\n", false},
        {&protocol_nntp, "BODY\r\nQUIT\r\n", "222 x\r\n205 x\r\n", false},
        {&protocol_sieve, "DELETESCRIPT \"x\"\r\nLOGOUT\r\n", "OK\r\n", false},
        {NULL, "QUIT\r\n", "221 bye\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        char got[64];
        ssize_t n;

        rig_open(&rig, RIG_TLS_1_3, "", cases[i].protocol);
        rig_program_write(&rig, cases[i].said);
        rig_server_read(&rig, got, strlen(cases[i].said));
        if (cases[i].answered[0])
            rig_server_write(&rig, cases[i].answered, strlen(cases[i].answered));
        close(rig.server);
        rig.server = -1;
        rig_program_expect(&rig, cases[i].answered);
        n = rig_program_read(&rig, got, 1);
        if (n != (cases[i].in_order ? 0 : -ECONNRESET))
            fail_msg("'%s', '%s': %zd", cases[i].said, cases[i].answered, n);
        rig_close(&rig);
    }
}

static void a_reset_by_the_server_is_a_reset(void **state)
{
    const struct linger abort = {.l_onoff = 1};

    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[4];

        rig_open(&rig, rig_kinds[k], "", NULL);
        rig_server_write(&rig, "x", 1);
        rig_program_expect(&rig, "x");
        setsockopt(rig.server, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        close(rig.server);
        rig.server = -1;
        assert_int_equal(rig_program_read(&rig, got, 1), -ECONNRESET);
        assert_int_equal(rig_join(&rig), PUMP_CUT);
        rig_close(&rig);
    }
}

static void what_is_not_tls_is_a_reset(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } wrong[] = {
        {"* OK plaintext in between\r\n", 27},
        {"\x17\x03\x03\x00\x20"
         "this is no record of that key at",
         37},
        {"\x17\x03\x03\xff\xff", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rig rig;
        char got[64];

        rig_open(&rig, RIG_TLS_1_3, "", NULL);
        rig_server_write(&rig, "good", 4);
        assert_int_equal(send(rig.server, wrong[i].bytes, wrong[i].length, 0), wrong[i].length);
        rig_program_expect(&rig, "good");
        assert_int_equal(rig_program_read(&rig, got, sizeof got), -ECONNRESET);
        assert_int_equal(rig_join(&rig), PUMP_CUT);
        rig_close(&rig);
    }
}

/*
 * A program exits right after its last write, without reading all of the server's bytes: the server gets all
 * it wrote.
 */
static void what_was_written_last_arrives(void **state)
{
    enum { LENGTH = 150000 };
    static char sent[LENGTH], got[LENGTH];

    (void)state;
    memset(sent, 'm', sizeof sent);
    EACH_KIND(k)
    {
        struct rig rig;

        rig_open(&rig, rig_kinds[k], "220 unread\r\n", NULL);
        rig_server_write(&rig, "unread too", 10);
        assert_int_equal(send(rig.program, sent, sizeof sent, 0), sizeof sent);
        close(rig.program);
        rig.program = -1;
        rig_server_read(&rig, got, sizeof got);
        assert_memory_equal(got, sent, sizeof got);
        if (rig.ssl) {
            size_t n;

            assert_int_equal(SSL_read_ex(rig.ssl, got, 1, &n), 0);
            assert_int_equal(SSL_get_error(rig.ssl, 0), SSL_ERROR_ZERO_RETURN);
        }
        assert_int_equal(recv(rig.server, got, 1, 0), 0);
        /*
         * The server's last words must not reach a closed socket: a reset could destroy what the server has
         * not read.
         */
        rig_server_write(&rig, "250 queued\r\n", 12);
        rig_end_in_order(&rig);
        assert_int_equal(rig_join(&rig), PUMP_ENDED);
        rig_close(&rig);
    }
}

/* SO_LINGER of 0 seconds: the program's close is a reset, and what was not sent is dropped. */
static void a_close_that_lingers_not_is_a_reset_to_the_server(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        const struct linger none = {.l_onoff = 1, .l_linger = 0};
        struct rig rig;
        char got[16];

        rig_open(&rig, rig_kinds[k], "", NULL);
        rig_program_write(&rig, "NOOP\r\n");
        rig_server_read(&rig, got, 6);
        assert_int_equal(setsockopt(rig.tcp, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
        close(rig.program);
        rig.program = -1;
        rig_join(&rig);
        assert_int_equal(recv(rig.server, got, sizeof got, 0), -1); /* not even a close_notify */
        assert_int_equal(errno, ECONNRESET);
        rig_close(&rig);
    }
}

/* After the server has ended cleanly and closed, it answers the program's writes with a reset. */
static void a_reset_after_the_servers_end_closes_the_programs_end(void **state)
{
    (void)state;
    EACH_KIND(k)
    {
        struct rig rig;
        char got[16];

        rig_open(&rig, rig_kinds[k], "", NULL);
        rig_end_in_order(&rig);
        assert_int_equal(rig_program_read(&rig, got, sizeof got), 0);
        close(rig.server);
        rig.server = -1;
        rig_program_write(&rig, "NOOP\r\n");
        rig_join(&rig);
        assert_int_equal(send(rig.program, "NOOP\r\n", 6, MSG_NOSIGNAL), -1);
        assert_int_equal(errno, EPIPE);
        assert_int_equal(rig_program_read(&rig, got, sizeof got), 0); /* the end was clean */
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_half_close_goes_through_and_reading_goes_on),
        cmocka_unit_test(after_a_farewell_a_half_close_waits_for_the_answers),
        cmocka_unit_test(the_servers_end_is_an_end_of_file_and_writing_goes_on),
        cmocka_unit_test(a_truncation_is_a_reset),
        cmocka_unit_test(a_bare_close_after_the_reply_to_quit_is_an_end),
        cmocka_unit_test(a_reset_by_the_server_is_a_reset),
        cmocka_unit_test(what_is_not_tls_is_a_reset),
        cmocka_unit_test(what_was_written_last_arrives),
        cmocka_unit_test(a_close_that_lingers_not_is_a_reset_to_the_server),
        cmocka_unit_test(a_reset_after_the_servers_end_closes_the_programs_end),
    };

    return cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}
