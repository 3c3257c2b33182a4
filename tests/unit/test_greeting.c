/*
 * Which protocol a greeting belongs to. On a port that no rule names, a wrong "yes" would break another
 * protocol's session. On a connection that a rule guards, a refusal counts as a greeting too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "wire/greeting.h"

struct shown {
    const char *line;
    enum protocol_kind protocol;
};

static void check(const struct shown *shown, enum greeting_for who)
{
    const size_t length = strlen(shown->line);
    char *exact = malloc(length + (length == 0)); /* sanitizers notice a byte read beyond it */

    assert_non_null(exact);
    memcpy(exact, shown->line, length);
    if (greeting_protocol(exact, length, who) != shown->protocol)
        fail_msg("%s: %s", shown->line, protocol_kind_name(greeting_protocol(exact, length, who)));
    if (shown->protocol != PROTOCOL_AUTO) {
        for (size_t part = 0; part <= length; part++)
            assert_true(greeting_may_begin(exact, part));
    }
    free(exact);
}

static void greetings_on_a_port_that_no_rule_names(void **state)
{
    static const struct shown cases[] = {
        {"220 mail.example.org ESMTP Exim 4.96\r\n", PROTOCOL_SMTP},
        {"220-mail.example.org SMTP ready\r\n220 no spam\r\n", PROTOCOL_SMTP},
        {"220 mail.example.org Lmtp\r\n", PROTOCOL_LMTP},
        {"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", PROTOCOL_IMAP},
        {"* PREAUTH hello\r\n", PROTOCOL_IMAP},
        {"+OK POP3 ready <1.2@example.org>\r\n", PROTOCOL_POP3},
        {"+OK\r\n", PROTOCOL_POP3},
        {"200 news.example.org InterNetNews NNRP server INN 2.7 ready (posting ok)\r\n", PROTOCOL_NNTP},
        {"201 NNTP service ready\r\n", PROTOCOL_NNTP},
        {"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", PROTOCOL_SIEVE},
        {"220 (vsFTPd 3.0.3)\r\n", PROTOCOL_AUTO},
        {"220 smtp.example.org FTP server ready\r\n", PROTOCOL_AUTO},
        {"220 smtp.example.org Hylafax ready\r\n", PROTOCOL_AUTO},
        {"200 host CDDBP server v1.0 ready\r\n", PROTOCOL_AUTO},
        {"SSH-2.0-OpenSSH_9.2\r\n", PROTOCOL_AUTO},
        {"HTTP/1.1 200 OK\r\n", PROTOCOL_AUTO},
        {"+OK\n", PROTOCOL_POP3},
        {"+OK", PROTOCOL_AUTO}, /* more of the word may come */
        {"-ERR busy\r\n", PROTOCOL_AUTO},
        {"* BYE too busy\r\n", PROTOCOL_AUTO},
        {"421 mail.example.org SMTP too busy\r\n", PROTOCOL_AUTO},
        {"\"STARTTLS\"\r\n", PROTOCOL_AUTO},
        {"+OKAY\r\n", PROTOCOL_AUTO},
        {"* OKAY\r\n", PROTOCOL_AUTO},
        {"220", PROTOCOL_AUTO},
        {"220 ", PROTOCOL_AUTO},
        {"\n220 mail.example.org ESMTP\r\n", PROTOCOL_AUTO},
        {"\x16\x03\x01", PROTOCOL_AUTO},
        {"", PROTOCOL_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i], GREETING_UNNAMED);
}

static void greetings_of_guarded_connections(void **state)
{
    static const struct shown cases[] = {
        {"220 mail.example.org ESMTP Exim 4.96", PROTOCOL_SMTP},
        {"220-mail.example.org esmtp", PROTOCOL_SMTP},
        {"220 smtp.example.org ready", PROTOCOL_SMTP},
        {"220 lmtp.example.org ESMTP", PROTOCOL_SMTP},
        {"421 mail.example.org SMTP too busy", PROTOCOL_SMTP},
        {"220 mail.example.org LMTP Cyrus", PROTOCOL_LMTP},
        {"220 smtp.example.org LMTP", PROTOCOL_LMTP},
        {"220 lmtp.example.org", PROTOCOL_LMTP},
        {"220 ProFTPD Server ready", PROTOCOL_AUTO},
        {"220 smtp.example.org FTP server ready", PROTOCOL_AUTO},
        {"220 hello", PROTOCOL_AUTO},
        {"220", PROTOCOL_AUTO},
        {"250 mail.example.org ESMTP", PROTOCOL_AUTO},
        {"2200 SMTP", PROTOCOL_AUTO},
        {"* OK [CAPABILITY IMAP4rev1] Dovecot ready.", PROTOCOL_IMAP},
        {"* OK", PROTOCOL_IMAP},
        {"* PREAUTH", PROTOCOL_IMAP},
        {"* BYE too busy", PROTOCOL_IMAP},
        {"* OKAY", PROTOCOL_AUTO},
        {"* NO", PROTOCOL_AUTO},
        {"+OK Dovecot ready.", PROTOCOL_POP3},
        {"-ERR busy", PROTOCOL_POP3},
        {"+OKAY", PROTOCOL_AUTO},
        {"200 news.example.org InterNetNews", PROTOCOL_NNTP},
        {"201 no posting", PROTOCOL_NNTP},
        {"200-x", PROTOCOL_AUTO},
        {"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"", PROTOCOL_SIEVE},
        {"\"sieve\" \"fileinto\"", PROTOCOL_SIEVE},
        {"\"STARTTLSX\"", PROTOCOL_AUTO},
        {"\"", PROTOCOL_AUTO},
        {"SSH-2.0-OpenSSH_9.2", PROTOCOL_AUTO},
        {"", PROTOCOL_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shown whole = cases[i];
        char line[128];

        check(&cases[i], GREETING_GUARDED);
        snprintf(line, sizeof line, "%s\r\n", cases[i].line);
        whole.line = line;
        check(&whole, GREETING_GUARDED);
    }
}

static void what_no_greeting_begins_with(void **state)
{
    static const char *const others[] = {"SSH-2.0", "HTTP/1.1 200", "\x16\x03\x01", "\n220",
                                         "*OK",     "+O\r",         "221",          "3"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(greeting_may_begin(others[i], strlen(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greetings_on_a_port_that_no_rule_names),
        cmocka_unit_test(greetings_of_guarded_connections),
        cmocka_unit_test(what_no_greeting_begins_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
