/* Which protocol a greeting shows on a port that no rule names: a wrong "yes" would break another protocol.
 */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "preload/adopt/greeting.h"

static void greetings_show_their_protocol(void **state)
{
    static const struct {
        const char *line;
        enum protocol_kind protocol;
    } cases[] = {
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
        {"+OKAY\r\n", PROTOCOL_AUTO},
        {"* OKAY\r\n", PROTOCOL_AUTO},
        {"220", PROTOCOL_AUTO},
        {"220 ", PROTOCOL_AUTO},
        {"\n220 mail.example.org ESMTP\r\n", PROTOCOL_AUTO},
        {"\x16\x03\x01", PROTOCOL_AUTO},
        {"", PROTOCOL_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t length = strlen(cases[i].line);
        char *exact = malloc(length + (length == 0)); /* a byte read behind the end is seen by sanitizers */

        assert_non_null(exact);
        memcpy(exact, cases[i].line, length);
        if (greeting_protocol(exact, length) != cases[i].protocol)
            fail_msg("%s: %s", cases[i].line, protocol_kind_name(greeting_protocol(exact, length)));
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(greetings_show_their_protocol)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
