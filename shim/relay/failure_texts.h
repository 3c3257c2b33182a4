/*
 * Every text of a failure, in one place: its kind and its words. Each names the server, the cause and the
 * remedy, and begins with words of ours. `%s` stands for one word from outside, which fail() cleans; no
 * other conversion, no `"`, no `\` (a ManageSieve string holds the text as it is).
 *
 * With every word at CLEAN_FIELD_LIMIT bytes a text still fits in FAILURE_LIMIT: tests/unit/test_failure.c.
 */
#ifndef RETROTLS_RELAY_FAILURE_TEXTS_H
#define RETROTLS_RELAY_FAILURE_TEXTS_H

/* clang-format off */
#define ASK_OPERATOR "; someone on the way may be meddling: try another network, or ask the server's operator"
#define NO_MAIL_SERVER "; no mail server does this: check its address and port, and 'protocol' in the policy"
#define OR_ALLOW_PLAINTEXT "; use a server that has it, or allow plaintext with 'level may' in its block of the policy"

/* The dialogue before TLS. Words: the server's name, then what the comment says. */
#define FAILURES_OF_DIALOGUE(X) \
    X(FAILURE_TIMEOUT, "no complete answer from %s in time; try again later, or raise 'timeout' or" \
                       " 'greeting-timeout' in its block of the policy") \
    X(FAILURE_CLOSED, "connection closed by %s before the session began; try again later, or ask its operator") \
    /* the system's word for the error */ \
    X(FAILURE_LOST, "connection to %s lost before the session began: %s; check the network, then try again") \
    X(FAILURE_PROGRAM_GONE, "program closed its connection to %s before the session began; if it gives up too soon," \
                            " raise its own timeout") \
    X(FAILURE_LINE_LIMIT, "malformed dialogue: a line from %s is over 8192 bytes long" NO_MAIL_SERVER) \
    X(FAILURE_LINES_LIMIT, "malformed dialogue: a reply from %s has over 128 lines" NO_MAIL_SERVER) \
    X(FAILURE_DIALOGUE_LIMIT, "malformed dialogue: %s sent over 128 KiB before the session began" NO_MAIL_SERVER) \
    X(FAILURE_GREETING_LIMIT, "malformed dialogue: the greeting of %s is too long" NO_MAIL_SERVER) \
    /* which byte */ \
    X(FAILURE_BYTE, "malformed dialogue: %s sent %s" NO_MAIL_SERVER) \
    /* what it sent, what was expected */ \
    X(FAILURE_MALFORMED, "malformed dialogue: %s sent '%s' for %s" NO_MAIL_SERVER) \
    /* what it sent */ \
    X(FAILURE_SERVICE_REFUSED, "service refused by %s: it said '%s'; try again later, or ask its operator") \
    X(FAILURE_NO_MAIL, "no greeting of a mail server from %s; check address and port, name its 'protocol' in the" \
                       " policy, or leave it alone with 'level none'") \
    /* the capability */ \
    X(FAILURE_NOT_OFFERED, "TLS not offered by %s: its capabilities lack %s" OR_ALLOW_PLAINTEXT) \
    /* what it sent, the command */ \
    X(FAILURE_CAPABILITIES_REFUSED, "TLS not offered by %s: it said '%s' to %s" OR_ALLOW_PLAINTEXT) \
    /* what it sent, the command */ \
    X(FAILURE_REFUSED, "TLS refused by %s: it said '%s' to %s" OR_ALLOW_PLAINTEXT) \
    X(FAILURE_PREAUTH, "TLS not possible with %s: it greets with PREAUTH, which rules it out; connect to its port" \
                       " for TLS from the start ('tls implicit'), or ask its operator") \
    /* what it sent, the command */ \
    X(FAILURE_UNEXPECTED, "unexpected answer of %s: it said '%s' to %s" ASK_OPERATOR) \
    /* the command */ \
    X(FAILURE_EARLY_BYTES, "surplus bytes from %s before %s was sent" ASK_OPERATOR) \
    /* the command */ \
    X(FAILURE_LATE_BYTES, "surplus bytes from %s behind its answer to %s" ASK_OPERATOR) \
    /* the system's word for the error */ \
    X(FAILURE_RANDOM, "no random bytes for the dialogue with %s: %s; getrandom(2) must be allowed to this program")

/* TLS, its certificates, and the relay itself. */
#define FAILURES_OF_TLS(X)

#define FAILURES(X) FAILURES_OF_DIALOGUE(X) FAILURES_OF_TLS(X)
/* clang-format on */

#endif
