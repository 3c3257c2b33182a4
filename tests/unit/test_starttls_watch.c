/*
 * No TLS inside TLS: a program's own STARTTLS is answered in place of the server, in its turn among the
 * answers, however the bytes are cut. Nothing that only looks like it is touched.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/pump.h"

static struct pump p;

struct session {
    const char *name;
    enum protocol_kind protocol;
    const char *steps[12]; /* "P" and what the program writes, or "S" and what the server writes */
    const char *to_server, *to_program;
    bool over; /* the watch has ended */
};

static const struct session sessions[] = {
    {"SMTP: the server lists it again, the program asks",
     PROTOCOL_SMTP,
     {"PEHLO me\r\n", "S250-x\r\n250 STARTTLS\r\n", "PstartTLS\r\n", "PMAIL FROM:<a@b>\r\nSTARTTLS\r\n",
      "S250 ok\r\n"},
     "EHLO me\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n",
     "250-x\r\n250 STARTTLS\r\n503 5.5.1 retrotls: TLS is up already\r\n250 ok\r\n",
     true},
    {"SMTP: pipelined behind EHLO and NOOP, the answer waits for both replies",
     PROTOCOL_SMTP,
     {"PEHLO me\r\nNOOP\r\nSTARTTLS\r\nRSET\r\n", "S250-x\r\n250 SIZE\r\n250 noop\r\n", "S250 rset\r\n"},
     "EHLO me\r\nNOOP\r\nRSET\r\n",
     "250-x\r\n250 SIZE\r\n250 noop\r\n503 5.5.1 retrotls: TLS is up already\r\n250 rset\r\n",
     false},
    {"SMTP: with parameters and a bare line feed",
     PROTOCOL_SMTP,
     {"PSTARTTLS now, please\nEHLO x\r\n"},
     "EHLO x\r\n",
     "503 5.5.1 retrotls: TLS is up already\r\n",
     false},
    {"SMTP: twice",
     PROTOCOL_SMTP,
     {"PSTARTTLS\r\nSTARTTLS\r\n"},
     "",
     "503 5.5.1 retrotls: TLS is up already\r\n503 5.5.1 retrotls: TLS is up already\r\n",
     false},
    {"SMTP: another word that begins alike",
     PROTOCOL_SMTP,
     {"PSTARTTLSX\r\nSTARTTLS\r\n"},
     "STARTTLSX\r\nSTARTTLS\r\n",
     "",
     true},
    {"SMTP: an argument is no command",
     PROTOCOL_SMTP,
     {"PEHLO STARTTLS\r\nHELO \r\n"},
     "EHLO STARTTLS\r\nHELO \r\n",
     "",
     false},
    {"SMTP: an empty line ends the watch",
     PROTOCOL_SMTP,
     {"P\r\nSTARTTLS\r\n"},
     "\r\nSTARTTLS\r\n",
     "",
     true},
    {"LMTP",
     PROTOCOL_LMTP,
     {"PLHLO me\r\nSTARTTLS\r\n", "S250 x\r\n", "PEHLO x\r\nSTARTTLS\r\n"},
     "LHLO me\r\nEHLO x\r\nSTARTTLS\r\n",
     "250 x\r\n503 5.5.1 retrotls: TLS is up already\r\n",
     true},
    {"IMAP: with its tag",
     PROTOCOL_IMAP,
     {"Pa1 CAPABILITY\r\n", "S* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n", "PA.02 StartTLS\r\n",
      "Pa3 LOGIN STARTTLS x\r\na4 STARTTLS\r\n"},
     "a1 CAPABILITY\r\na3 LOGIN STARTTLS x\r\na4 STARTTLS\r\n",
     "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\nA.02 BAD retrotls: TLS is up already\r\n",
     true},
    {"IMAP: behind a literal that looks like a tagged answer",
     PROTOCOL_IMAP,
     {"Pa1 NOOP\r\na2 STARTTLS\r\n", "S* 1 FETCH (BODY {10}\r\na1 OK no\r\n)\r\n* OK {99}\r\n+ idling\r\n",
      "Sa1 OK yes {3}\r\n* BYE\r\n"},
     "a1 NOOP\r\n",
     "* 1 FETCH (BODY {10}\r\na1 OK no\r\n)\r\n* OK {99}\r\n+ idling\r\na1 OK yes {3}\r\na2 BAD retrotls: "
     "TLS is up already\r\n* BYE\r\n",
     false},
    {"IMAP: never into the midst of an untagged line",
     PROTOCOL_IMAP,
     {"S* OK still", "Pa2 STARTTLS\r\n", "S here\r\n"},
     "",
     "* OK still here\r\na2 BAD retrotls: TLS is up already\r\n",
     false},
    {"IMAP: nor behind a literal in it",
     PROTOCOL_IMAP,
     {"S* 1 FETCH (X {3}\r\na", "Pa2 STARTTLS\r\n", "Sbc", "S Y {0}\r\n", "S)\r\n"},
     "",
     "* 1 FETCH (X {3}\r\nabc Y {0}\r\n)\r\na2 BAD retrotls: TLS is up already\r\n",
     false},
    {"SMTP: nor into a reply that nobody asked for",
     PROTOCOL_SMTP,
     {"S421-too\r\n", "PSTARTTLS\r\n", "S421-slow\r\n421 bye\r\n"},
     "",
     "421-too\r\n421-slow\r\n421 bye\r\n503 5.5.1 retrotls: TLS is up already\r\n",
     false},
    {"IMAP: a literal of the program's ends the watch",
     PROTOCOL_IMAP,
     {"Pa1 ID (\"name\" {12}\r\na2 STARTTLS\r\n"},
     "a1 ID (\"name\" {12}\r\na2 STARTTLS\r\n",
     "",
     true},
    {"IMAP: a tag of 64 bytes",
     PROTOCOL_IMAP,
     {"P0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef STARTTLS\r\n"},
     "",
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef BAD retrotls: TLS is up already\r\n",
     false},
    {"IMAP: a tag of 65 bytes",
     PROTOCOL_IMAP,
     {"P0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX STARTTLS\r\n"},
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX STARTTLS\r\n",
     "",
     true},
    {"IMAP: no tag", PROTOCOL_IMAP, {"P STARTTLS\r\n"}, " STARTTLS\r\n", "", true},
    {"IMAP: a quote in the tag", PROTOCOL_IMAP, {"Pa\" STARTTLS\r\n"}, "a\" STARTTLS\r\n", "", true},
    {"POP3: a list, and a line of dots within it",
     PROTOCOL_POP3,
     {"PCAPA\r\nCAPA\r\nSTLS\r\n", "S+OK\r\nSTLS\r\n..\r\n.\r\n", "S-ERR no\r\n", "PUSER x\r\nSTLS\r\n"},
     "CAPA\r\nCAPA\r\nUSER x\r\nSTLS\r\n",
     "+OK\r\nSTLS\r\n..\r\n.\r\n-ERR no\r\n-ERR retrotls: TLS is up already\r\n",
     true},
    {"NNTP: MODE READER has no list, CAPABILITIES has",
     PROTOCOL_NNTP,
     {"PMODE READER\r\nCAPABILITIES\r\nSTARTTLS\r\nDATE\r\n", "S200 hi\r\n101 list\r\nSTARTTLS\r\n", "S.\r\n",
      "S111 now\r\n"},
     "MODE READER\r\nCAPABILITIES\r\nDATE\r\n",
     "200 hi\r\n101 list\r\nSTARTTLS\r\n.\r\n502 retrotls: TLS is up already\r\n111 now\r\n",
     false},
    {"ManageSieve: strings and literals in the list",
     PROTOCOL_SIEVE,
     {"PCAPABILITY\r\nSTARTTLS\r\n",
      "S\"SIEVE\" {8}\r\nOK\r\nOK\r\n\r\n{4}\r\nXYZW \"x\"\r\n\"STARTTLS\"\r\n", "SOK {2}\r\nOK\r\n"},
     "CAPABILITY\r\n",
     "\"SIEVE\" {8}\r\nOK\r\nOK\r\n\r\n{4}\r\nXYZW \"x\"\r\n\"STARTTLS\"\r\nOK {2}\r\nOK\r\nNO \"retrotls: "
     "TLS is up already\"\r\n",
     false},
    {"ManageSieve: a literal of the program's ends the watch",
     PROTOCOL_SIEVE,
     {"PNOOP {10+}\r\nNOOP {10}\r\nSTARTTLS\r\n"},
     "NOOP {10+}\r\nNOOP {10}\r\nSTARTTLS\r\n",
     "",
     true},
    {"bytes of no protocol",
     PROTOCOL_POP3,
     {"P\x16\x03\x01STLS\r\nSTLS\r\n"},
     "\x16\x03\x01STLS\r\nSTLS\r\n",
     "",
     true},
};

static void play(const struct session *s, size_t piece)
{
    for (const char *const *step = s->steps; *step; step++) {
        const char *text = *step + 1;
        const size_t length = strlen(text);

        for (size_t at = 0; at < length; at += piece) {
            const size_t part = length - at < piece ? length - at : piece;

            if ((*step)[0] == 'P')
                pump_from_program(&p, text + at, part);
            else
                pump_from_server(&p, text + at, part);
        }
    }
}

static void sessions_in_pieces_of_every_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++) {
        const struct session *s = &sessions[i];

        for (size_t piece = 1; piece < 40; piece++) {
            pump_start(&p, s->protocol);
            play(s, piece);
            if (strcmp(p.to_server, s->to_server) != 0 || strcmp(p.to_program, s->to_program) != 0 ||
                p.watch.watching == s->over)
                fail_msg("%s, in pieces of %zu: to the server:\n%s\nto the program:\n%s\nwatching: %d",
                         s->name, piece, p.to_server, p.to_program, p.watch.watching);
        }
    }
}

/* If the program stops sending after a command without line end, that goes to the server unchanged. */
static void what_is_held_is_not_lost_at_the_end(void **state)
{
    char forward[STARTTLS_WATCH_HELD];
    size_t length;

    (void)state;
    pump_start(&p, PROTOCOL_SMTP);
    pump_from_program(&p, "START", 5);
    assert_int_equal(p.to_server_length, 0);
    length = starttls_watch_end(&p.watch, forward);
    assert_int_equal(length, 5);
    assert_memory_equal(forward, "START", 5);
    assert_false(p.watch.watching);
}

/* A program that asked and then ended its sending still waits for its answer. */
static void an_answer_owed_at_the_end_is_given(void **state)
{
    char forward[STARTTLS_WATCH_HELD];

    (void)state;
    pump_start(&p, PROTOCOL_SMTP);
    pump_from_program(&p, "EHLO x\r\nSTARTTLS\r\n", 18);
    assert_int_equal(starttls_watch_end(&p.watch, forward), 0);
    assert_true(p.watch.watching);
    pump_from_server(&p, "250 x\r\n", 7);
    assert_string_equal(p.to_program, "250 x\r\n503 5.5.1 retrotls: TLS is up already\r\n");
    assert_false(p.watch.watching);
}

/*
 * A program that sends command after command and never reads must not make the watch's memory grow without
 * bound.
 */
static void too_many_commands_end_the_watch(void **state)
{
    (void)state;
    pump_start(&p, PROTOCOL_SMTP);
    for (int i = 0; i < STARTTLS_WATCH_COMMANDS; i++)
        pump_from_program(&p, "NOOP\r\n", 6);
    assert_true(p.watch.watching);
    pump_from_program(&p, "NOOP\r\n", 6);
    assert_false(p.watch.watching);
    pump_from_program(&p, "STARTTLS\r\n", 10);
    assert_int_equal(p.to_server_length, 6 * (STARTTLS_WATCH_COMMANDS + 1) + 10);
    assert_string_equal(p.to_program, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_in_pieces_of_every_size),
        cmocka_unit_test(what_is_held_is_not_lost_at_the_end),
        cmocka_unit_test(an_answer_owed_at_the_end_is_given),
        cmocka_unit_test(too_many_commands_end_the_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
