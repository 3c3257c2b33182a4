/*
 * When an end without close_notify counts as clean: after the whole reply to the farewell, and not one byte
 * earlier or later, however the streams are cut into pieces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/protocol/farewell.h"
#include "tests/unit/cmocka_all.h"

enum { RANDOM_RUNS = 200 };

struct session {
    const char *name;
    enum protocol_kind protocol;
    const char *steps[16]; /* "P" and what the program writes, or "S" and what the server writes */
};

/* The last byte of each session ends the reply to the farewell. */
static const struct session in_order[] = {
    {"SMTP: with a message",
     PROTOCOL_SMTP,
     {"PEHLO me\r\n", "S250-x\r\n250 SIZE\r\n", "PMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n",
      "S250 ok\r\n250 ok\r\n354 go on\r\n", "P221 said he\r\nQUIT\r\n.\r\n", "S250 queued\r\n", "PQUIT\r\n",
      "S221-so\r\n221 long\r\n"}},
    {"SMTP: all in one",
     PROTOCOL_SMTP,
     {"PMAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 4 LAST\r\nhi\r\nQUIT\r\n",
      "S250 a\r\n250 b\r\n250 c\r\n221 bye\r\n"}},
    {"SMTP: in lower case, bare line feed", PROTOCOL_SMTP, {"Pquit\n", "S221\r\n"}},
    {"LMTP: a reply for each recipient",
     PROTOCOL_LMTP,
     {"PDATA\r\n", "S354 go on\r\n", "Px\r\n.\r\nQUIT\r\n", "S250 one\r\n550 two\r\n", "S221 2.0.0 bye\r\n"}},
    {"IMAP",
     PROTOCOL_IMAP,
     {"Pa1 LOGIN x y\r\n", "Sa1 OK in\r\n", "Pa2 LOGOUT\r\n", "S* BYE out\r\na2 OK done\r\n"}},
    {"IMAP: a mail that holds the answer",
     PROTOCOL_IMAP,
     {"Pa1 FETCH 1 BODY[]\r\na2 logout\r\n",
      "S* 1 FETCH (BODY[] {33}\r\n* BYE out\r\na2 OK no\r\n* BYE x {9}\r\n)\r\n", "Sa1 OK fetched\r\n",
      "S* BYE out {3}\r\na2 OK done {3}\r\n"}},
    {"IMAP: literals of both sides",
     PROTOCOL_IMAP,
     {"Pa1 APPEND x {11+}\r\na1 LOGOUT\r\n\r\na2 FETCH 1 (X Y)\r\n", "Sa1 OK appended\r\n",
      "S* 1 FETCH (X ~{4}\r\na\r\nb Y {0}\r\n)\r\na2 OK {7}\r\n", "Pa2-b LOGOUT\r\n",
      "S* bye\r\n* 3 EXISTS\r\na2-b ok x\r\n"}},
    {"POP3: a line at a time",
     PROTOCOL_POP3,
     {"PCAPA\r\n", "S+OK\r\nUSER\r\n.\r\n", "PUSER x\r\n", "S+OK\r\n", "PPASS QUIT\r\n", "S+OK in\r\n",
      "PLIST\r\n", "S+OK 1\r\n1 20\r\n.\r\n", "PLIST 1\r\n", "S+OK 1 20\r\n", "PQUIT\r\n", "S+OK bye\r\n"}},
    {"POP3: pipelined, a mail that holds the answer",
     PROTOCOL_POP3,
     {"PRETR 1\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n", "S+OK\r\n+OK bye\r\n..\r\n\r\r\n.x\r\n.\r\n",
      "S+OK\r\nx\r\n+OK\r\n.\n\r\n.\r\n+OK gone\r\n", "S+OK bye\r\n"}},
    {"POP3: refused lists, and mails that could not be deleted",
     PROTOCOL_POP3,
     {"PTOP 1 0\r\nUIDL\r\nUIDL 3\r\nXTND x\r\nQUIT\r\n", "S-ERR no\r\n+OK\r\n.\r\n-ERR no\r\n-ERR what\r\n",
      "S-ERR [SYS/TEMP] still there\r\n"}},
    {"POP3: SASL",
     PROTOCOL_POP3,
     {"PAUTH\r\n", "S+OK\r\nPLAIN\r\n.\r\n", "PAUTH CRAM-MD5\r\n", "S+ PDE4OTY=\r\n", "PQUIT\r\n", "S+ \r\n",
      "PRETR\r\n", "S+OK in\r\n", "PQUIT\r\n", "S+OK\r\n"}},
    {"POP3: a password sent too early, and refused as a command",
     PROTOCOL_POP3,
     {"PAUTH PLAIN\r\nAHgAeQ==\r\nQUIT\r\n", "S-ERR no\r\n-ERR what\r\n", "S+OK bye\r\n"}},
    {"NNTP: reading",
     PROTOCOL_NNTP,
     {"PMODE READER\r\n", "S200 hi\r\n", "PCAPABILITIES\r\n", "S101 list\r\nVERSION 2\r\n.\r\n",
      "PAUTHINFO USER x\r\n", "S381 more\r\n", "PAUTHINFO PASS QUIT\r\n", "S281 in\r\n",
      "PGROUP a\r\nLISTGROUP a\r\nARTICLE 1\r\nSTAT 2\r\nQUIT\r\n",
      "S211 3 1 3 a\r\n211 3 1 3 a\r\n1\r\n205 x\r\n.\r\n220 1 <x>\r\n205 bye\r\n..\r\n.\r\n423 no\r\n",
      "S205 bye\r\n"}},
    {"NNTP: an article, whose lines are no commands",
     PROTOCOL_NNTP,
     {"PPOST\r\n", "S340 go on\r\n", "PSubject: x\r\n\r\nQUIT\r\nGROUP x\r\n..\r\n.\r\nIHAVE <x>\r\n",
      "S240 posted\r\n335 go on\r\n", "Px\r\n.\r\nQUIT\r\n", "S235 ok\r\n205 bye\r\n"}},
    {"NNTP: articles without being asked",
     PROTOCOL_NNTP,
     {"PCHECK <a>\r\nTAKETHIS <a>\r\nQUIT\r\n.\r\nTAKETHIS <b>\r\n.\r\nQUIT\r\n",
      "S238 <a>\r\n239 <a>\r\n439 <b>\r\n205 bye\r\n"}},
    {"NNTP: SASL",
     PROTOCOL_NNTP,
     {"PAUTHINFO SASL X\r\n", "S383 PDE4=\r\n", "PQUIT\r\n", "S281 in\r\n", "PQUIT\r\n", "S205 bye\r\n"}},
    {"ManageSieve",
     PROTOCOL_SIEVE,
     {"PAUTHENTICATE \"X\"\r\n", "S\"PDE4=\"\r\n", "P\"LOGOUT\"\r\n", "S{4}\r\nOK\r\n\r\n",
      "P{6+}\r\nLOGOUT\r\n", "SOK (SASL {2}\r\nOK) 5}\r\n",
      "PPUTSCRIPT \"x\" {8+}\r\nLOGOUT\r\n\r\nGETSCRIPT \"x\"\r\nLOGOUT\r\n",
      "SOK\r\n{6}\r\nOK\r\nOK\r\nNO {2}\r\nOK\r\n", "SOK \"bye\"\r\n"}},
};

/* In these, an end is never clean. */
static const struct session cut[] = {
    {"SMTP: no reply", PROTOCOL_SMTP, {"PQUIT\r\n"}},
    {"SMTP: half of it", PROTOCOL_SMTP, {"PQUIT\r\n", "S221-so\r\n221 by"}},
    {"SMTP: no line end of the program's", PROTOCOL_SMTP, {"PQUIT", "S221 bye\r\n"}},
    {"SMTP: nobody said farewell", PROTOCOL_SMTP, {"PNOOP\r\n", "S221 bye\r\n"}},
    {"SMTP: another reply",
     PROTOCOL_SMTP,
     {"PDATA\r\nx\r\n.\r\nQUIT\r\n", "S354 x\r\n250 queued\r\n421 no\r\n2210\r\n"}},
    {"SMTP: somewhere in a line", PROTOCOL_SMTP, {"PQUIT\r\n", "S250 221 bye\r\n"}},
    {"SMTP: more was said", PROTOCOL_SMTP, {"PQUIT\r\nx\r\n", "S221 bye\r\n"}},
    {"IMAP: no BYE", PROTOCOL_IMAP, {"Pa LOGOUT\r\n", "Sa OK\r\n"}},
    {"IMAP: refused", PROTOCOL_IMAP, {"Pa LOGOUT\r\n", "S* BYE\r\na BAD what\r\n"}},
    {"IMAP: another tag",
     PROTOCOL_IMAP,
     {"Pa LOGOUT\r\n", "S* BYE\r\nb OK\r\naa OK\r\nA OKAY\r\na OKAY\r\n"}},
    {"IMAP: in a literal", PROTOCOL_IMAP, {"Pa LOGOUT\r\n", "S* BYE\r\n* 1 FETCH (X {99999}\r\na OK\r\n"}},
    {"IMAP: behind a literal",
     PROTOCOL_IMAP,
     {"Pa LOGOUT\r\n", "S* BYE\r\n* 1 FETCH (X {1}\r\nx\r\n* X {0}\r\na OK\r\n"}},
    {"IMAP: a literal too large",
     PROTOCOL_IMAP,
     {"Pa LOGOUT\r\n", "S* BYE\r\n* 1 FETCH (X {99999999999999999999}\r\na OK\r\n"}},
    {"IMAP: a literal in a response code",
     PROTOCOL_IMAP,
     {"Pa LOGOUT\r\n", "S* OK [X {5}\r\n* BYE\r\na OK\r\n"}},
    {"IMAP: nobody said farewell", PROTOCOL_IMAP, {"Pa NOOP\r\n", "S* BYE\r\na OK\r\n"}},
    {"POP3: in a mail, at a line's end", PROTOCOL_POP3, {"PRETR 1\r\nQUIT\r\n", "S+OK\r\n+OK bye\r\n"}},
    {"POP3: before the second mail",
     PROTOCOL_POP3,
     {"PRETR 1\r\nRETR 2\r\nQUIT\r\n", "S+OK\r\n.\r\n+OK\r\n"}},
    {"POP3: behind a bare line feed",
     PROTOCOL_POP3,
     {"PRETR 1\r\nQUIT\r\n", "S+OK\r\nx\n.\n+OK\r\n\n.\r\n+OK\r\n"}},
    {"POP3: what a command's success means is not known",
     PROTOCOL_POP3,
     {"PXTND x\r\nQUIT\r\n", "S+OK\r\n", "S+OK bye\r\n.\r\n+OK bye\r\n"}},
    {"POP3: an argument of spaces", PROTOCOL_POP3, {"PLIST \r\nQUIT\r\n", "S+OK\r\n", "S+OK\r\n"}},
    {"POP3: asked for more, when more was said",
     PROTOCOL_POP3,
     {"PAUTH X\r\nQUIT\r\n", "S+ x\r\n", "S+OK\r\n", "S+OK\r\n"}},
    {"POP3: unasked", PROTOCOL_POP3, {"S+OK\r\n", "PQUIT\r\n", "S+OK\r\n"}},
    {"POP3: something else", PROTOCOL_POP3, {"PQUIT\r\n", "S221 bye\r\n"}},
    {"POP3: QUIT with an argument", PROTOCOL_POP3, {"PQUIT now\r\n", "S-ERR\r\n"}},
    {"NNTP: in an article, at a line's end",
     PROTOCOL_NNTP,
     {"PARTICLE 1\r\nQUIT\r\n", "S220 1\r\n205 bye\r\n"}},
    {"NNTP: a group whose numbers may follow",
     PROTOCOL_NNTP,
     {"PXGROUP a\r\nQUIT\r\n", "S211 3 1 3 a\r\n", "S205 bye\r\n"}},
    {"NNTP: compressed",
     PROTOCOL_NNTP,
     {"PCOMPRESS DEFLATE\r\n", "S206 ok\r\n", "PQUIT\r\n", "S205 bye\r\n"}},
    {"NNTP: an article sent before it was asked for",
     PROTOCOL_NNTP,
     {"PPOST\r\nx\r\n.\r\nQUIT\r\n", "S340 go on\r\n240 posted\r\n", "S205 bye\r\n"}},
    {"NNTP: another reply", PROTOCOL_NNTP, {"PQUIT\r\n", "S200 bye\r\n"}},
    {"NNTP: no code", PROTOCOL_NNTP, {"PDATE\r\nQUIT\r\n", "S20\r\n", "S205 x\r\n"}},
    {"ManageSieve: of another command",
     PROTOCOL_SIEVE,
     {"PPUTSCRIPT \"x\" {2+}\r\nab\r\nLOGOUT\r\n", "SOK\r\n"}},
    {"ManageSieve: in a script", PROTOCOL_SIEVE, {"PGETSCRIPT \"x\"\r\nLOGOUT\r\n", "S{90}\r\nOK\r\nOK\r\n"}},
    {"ManageSieve: refused", PROTOCOL_SIEVE, {"PLOGOUT\r\n", "SNO\r\n"}},
    {"ManageSieve: half of it", PROTOCOL_SIEVE, {"PLOGOUT\r\n", "SOK {5}\r\n"}},
    {"ManageSieve: a literal too large",
     PROTOCOL_SIEVE,
     {"PGETSCRIPT \"x\"\r\nLOGOUT\r\n", "S{9999999999999999}\r\nx\r\nOK\r\n", "SOK\r\n"}},
    {"no protocol known", PROTOCOL_AUTO, {"PQUIT\r\n", "S221 bye\r\n"}},
};

/*
 * Plays the session in pieces of `piece` bytes (0: of random length). True if the farewell is answered at the
 * end; sets `*early` if it is before that.
 */
static bool play(const struct session *s, size_t piece, bool *early)
{
    struct farewell f;

    *early = false;
    farewell_begin(&f, s->protocol);
    for (const char *const *step = s->steps; *step; step++) {
        const char *text = *step + 1;
        const size_t length = strlen(text);

        for (size_t at = 0, part; at < length; at += part) {
            part = piece > 0 ? piece : 1 + (size_t)rand() % 30;
            if (part > length - at)
                part = length - at;
            *early |= farewell_answered(&f);
            ((*step)[0] == 'P' ? farewell_program : farewell_server)(&f, text + at, part);
        }
    }
    return farewell_answered(&f);
}

static void each_session(const struct session *sessions, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t run = 1; run < 40 + RANDOM_RUNS; run++) {
            bool early;
            const bool ended = play(&sessions[i], run < 40 ? run : 0, &early);

            if (ended != expected || early)
                fail_msg("%s, run %zu: %s", sessions[i].name, run,
                         early   ? "too early"
                         : ended ? "in order"
                                 : "cut");
        }
    }
}

static void the_farewells_reply_ends_a_session_in_order(void **state)
{
    (void)state;
    each_session(in_order, sizeof in_order / sizeof in_order[0], true);
}

static void nothing_else_does(void **state)
{
    (void)state;
    each_session(cut, sizeof cut / sizeof cut[0], false);
}

/* With more commands than we can count, and any number of replies, an end is not clean. */
static void too_many_commands_are_not_counted(void **state)
{
    struct farewell f;

    (void)state;
    farewell_begin(&f, PROTOCOL_POP3);
    for (int i = 0; i <= FAREWELL_COMMANDS; i++)
        farewell_program(&f, "NOOP\r\n", 6);
    farewell_program(&f, "QUIT\r\n", 6);
    assert_true(farewell_said(&f));
    for (int i = 0; i < FAREWELL_COMMANDS + 2; i++) {
        farewell_server(&f, "+OK\r\n", 5);
        assert_false(farewell_answered(&f));
    }
}

/*
 * The end of a long mail in one piece is found, whether QUIT was sent with RETR or after the mail. A text of
 * 1 MB from the program is no command; only a QUIT on its last line counts.
 */
static void long_texts_are_skipped(void **state)
{
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 1);
    struct farewell f;

    (void)state;
    memset(text, 'x', LONG);
    memcpy(text, "+OK\r\n", 5);
    memcpy(text + LONG - 6, "\r\n.\r\n", 6);
    for (int pipelined = 0; pipelined < 2; pipelined++) {
        farewell_begin(&f, PROTOCOL_POP3);
        farewell_program(&f, "RETR 1\r\nQUIT\r\n", pipelined ? 14 : 8);
        farewell_server(&f, text, LONG - 1);
        if (!pipelined)
            farewell_program(&f, "QUIT\r\n", 6);
        assert_false(farewell_answered(&f));
        farewell_server(&f, "+OK\r\n", 5);
        assert_true(farewell_answered(&f));
    }
    farewell_begin(&f, PROTOCOL_SMTP);
    memcpy(text + LONG - 6, "\nQUIT\n", 6);
    farewell_program(&f, text, LONG);
    assert_true(farewell_said(&f));
    farewell_program(&f, text, LONG - 2);
    assert_false(farewell_said(&f));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_farewells_reply_ends_a_session_in_order),
        cmocka_unit_test(nothing_else_does),
        cmocka_unit_test(too_many_commands_are_not_counted),
        cmocka_unit_test(long_texts_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
