/* SMTP and LMTP before TLS: what is an offer, what is a refusal, and what is neither. */
#include "tests/unit/peer.h"

#define HELLO "S220 mail.example.org ESMTP\r\n", "CEHLO [127.0.0.1]"
#define OFFER "S250-mail.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
#define ASKED HELLO, OFFER, "CSTARTTLS"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 3207", READY, 0, {ASKED, "S220 2.0.0 go ahead\r\n"}, NULL},
};

static void smtp_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_SMTP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_dialogues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
