/* POP3 before TLS, and the timestamp that outlives it. */
#include "tests/unit/peer.h"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 2595",
     READY,
     0,
     {"S+OK POP3 <1.2@mail.example.org>\r\n", "CCAPA", "S+OK\r\nTOP\r\nSTLS\r\n.\r\n", "CSTLS",
      "S+OK begin\r\n"},
     NULL},
};

static void pop3_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_POP3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pop3_dialogues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
