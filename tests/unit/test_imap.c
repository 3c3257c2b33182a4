/* IMAP before TLS: literals, tags, and what an untagged response may not do. */
#include "tests/unit/peer.h"

static const struct dialogue dialogues[] = {
    {"the dialogue of RFC 9051",
     READY,
     0,
     {"S* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", "C%t CAPABILITY",
      "S* CAPABILITY IMAP4rev1 IMAP4rev2 STARTTLS LOGINDISABLED\r\n%t OK done\r\n", "C%t STARTTLS",
      "S* LIST () \"/\" {5}\r\nINBOX\r\n%t OK begin\r\n"},
     NULL},
};

static void imap_dialogues(void **state)
{
    (void)state;
    check_dialogues(dialogues, sizeof dialogues / sizeof dialogues[0], PROTOCOL_IMAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imap_dialogues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
