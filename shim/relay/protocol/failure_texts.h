/*
 * All failure texts: each kind with its words. A text names the server, the cause and the remedy, and begins
 * with words of ours. `%s` stands for one word from outside, which fail() cleans. No text may contain another
 * conversion, `"` or `\` (a ManageSieve string holds the text unescaped).
 *
 * A text with every word at CLEAN_FIELD_LIMIT bytes still fits in FAILURE_LIMIT: tests/unit/test_failure.c.
 */
#ifndef RETROTLS_RELAY_PROTOCOL_FAILURE_TEXTS_H
#define RETROTLS_RELAY_PROTOCOL_FAILURE_TEXTS_H

/* clang-format off */
#define ASK_OPERATOR "; someone on the path may be interfering: try another network, or ask the server's operator"
#define NO_MAIL_SERVER "; no mail server does this: check its address and port, and 'protocol' in the policy"
#define OR_ALLOW_PLAINTEXT "; use a server that has it, or allow plaintext with 'level may' in its block of the policy"

/* The dialogue before TLS. The words are the server's name, then those that the comment lists. */
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
    X(FAILURE_MALFORMED, "malformed dialogue: %s sent '%s' instead of %s" NO_MAIL_SERVER) \
    /* what it sent */ \
    X(FAILURE_SERVICE_REFUSED, "service refused by %s: it said '%s'; try again later, or ask its operator") \
    X(FAILURE_NO_MAIL, "no mail greeting from %s; check its address and port, add 'protocol' to its block of the" \
                       " policy, or exempt it with 'level none'") \
    /* the capability */ \
    X(FAILURE_NOT_OFFERED, "TLS not offered by %s: its capabilities lack %s" OR_ALLOW_PLAINTEXT) \
    /* what it sent, the command */ \
    X(FAILURE_CAPABILITIES_REFUSED, "TLS not offered by %s: it said '%s' to %s" OR_ALLOW_PLAINTEXT) \
    /* what it sent, the command */ \
    X(FAILURE_REFUSED, "TLS refused by %s: it said '%s' to %s" OR_ALLOW_PLAINTEXT) \
    X(FAILURE_PREAUTH, "TLS not possible with %s: it greets with PREAUTH, which rules it out; connect to its port" \
                       " for TLS from the start ('tls implicit'), or ask its operator") \
    /* what it sent, the command */ \
    X(FAILURE_UNEXPECTED, "unexpected answer from %s: it said '%s' to %s" ASK_OPERATOR) \
    /* the command */ \
    X(FAILURE_EARLY_BYTES, "surplus bytes from %s before %s was sent" ASK_OPERATOR) \
    /* the command */ \
    X(FAILURE_LATE_BYTES, "surplus bytes from %s after its answer to %s" ASK_OPERATOR) \
    /* the system's word for the error */ \
    X(FAILURE_RANDOM, "no random bytes for the dialogue with %s: %s; this program must be allowed to call getrandom(2)")

/* TLS. The words are the server's name, then those that the comment lists. */
#define PIN "; if you know that it is the right one, pin it with 'level fingerprint'"

#define FAILURES_OF_TLS(X) \
    X(FAILURE_NO_MEMORY, "no memory for TLS with %s; close other programs, then try again") \
    /* the setting, its value, what OpenSSL says */ \
    X(FAILURE_TLS_SETTING, "no TLS with %s: its setting '%s %s' cannot be used: %s; fix it in the policy") \
    X(FAILURE_TLS_TIMEOUT, "the TLS handshake with %s did not end in time; try again later, or raise 'timeout' in its" \
                           " block of the policy") \
    X(FAILURE_TLS_CLOSED, "connection closed by %s during the TLS handshake; try again later, or ask its operator") \
    /* the system's word for the error */ \
    X(FAILURE_TLS_LOST, "connection to %s lost during the TLS handshake: %s; check the network, then try again") \
    /* OpenSSL's word */ \
    X(FAILURE_TLS_NOT_TLS, "no TLS from %s, although it had agreed to it: %s" ASK_OPERATOR) \
    X(FAILURE_TLS_VERSION, "no TLS version in common with %s: %s; it needs TLS 1.2 or 1.3: ask its operator") \
    X(FAILURE_TLS_WEAK, "TLS of %s is too weak: %s; ask its operator") \
    X(FAILURE_TLS_RENEGOTIATION, "TLS of %s is too old: it lacks secure renegotiation (RFC 5746): %s; ask its" \
                                 " operator") \
    /* the alert */ \
    X(FAILURE_TLS_NO_MODERN_CIPHER, "no cipher in common with %s: it has none with forward secrecy and AEAD (RFC" \
                                    " 9325), and said '%s'; ask its operator to enable one; until then, allow its" \
                                    " older ones with 'ciphers DEFAULT' in its block of the policy") \
    /* the alert */ \
    X(FAILURE_TLS_NO_CIPHER, "no cipher or group in common with %s: it answered our offer with '%s'; check" \
                             " 'ciphers', 'ciphersuites' and 'groups' in the policy, or ask its operator") \
    /* the alert */ \
    X(FAILURE_TLS_ALERT, "TLS refused by %s with the alert '%s'; ask its operator, or check 'ciphers' and" \
                         " 'client-cert' in the policy") \
    /* OpenSSL's word */ \
    X(FAILURE_TLS_OTHER, "TLS handshake with %s failed: %s" ASK_OPERATOR)

/* The dialogue inside TLS, before the program's secrets. Words as above. */
#define FAILURES_OF_PROOF(X) \
    /* the protocol, what it sent, the command */ \
    X(FAILURE_OTHER_SERVICE, "inside TLS, %s does not speak %s: it said '%s' to %s" ASK_OPERATOR)

/* Certificates. Words as above. */
#define FAILURES_OF_CERTIFICATES(X) \
    X(FAILURE_NAME_MALFORMED, "certificate of %s cannot be checked, because that is not a valid host name; add 'name" \
                              " NAME' to its block of the policy, with a name that the certificate must have") \
    /* its address */ \
    X(FAILURE_NO_NAME, "no name to check the certificate of %s against: no name was seen for this address; add to the" \
                       " policy 'match address %s' and below it 'name NAME'") \
    /* its names, its end and issuer, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_EXPIRED, "certificate of %s has expired: for %s, %s, sha256:%s; its operator must renew it") \
    X(FAILURE_CERTIFICATE_EARLY, "certificate of %s is not valid yet: for %s, %s, sha256:%s; check this machine's" \
                                 " clock") \
    X(FAILURE_CERTIFICATE_SELF_SIGNED, "certificate of %s is self-signed: for %s, %s, sha256:%s" PIN) \
    X(FAILURE_CERTIFICATE_UNKNOWN_ROOT, "certificate of %s ends in an unknown root: for %s, %s, sha256:%s; if you" \
                                        " trust that root, name its file with 'ca-file' in the server's block") \
    X(FAILURE_CERTIFICATE_UNKNOWN_ISSUER, "certificate of %s has an unknown issuer: for %s, %s, sha256:%s; if you" \
                                          " trust the issuer, name its file with 'ca-file' in the server's block") \
    X(FAILURE_CERTIFICATE_ROOTS_HANG, "certificate of %s cannot be checked, because a file system with trusted" \
                                      " certificates does not answer: for %s, %s, sha256:%s; check the folder of" \
                                      " 'ca-dir'") \
    X(FAILURE_CERTIFICATE_NO_CA, "certificate of %s has an issuer that is not an authority: for %s, %s, sha256:%s; ask" \
                                 " its operator") \
    X(FAILURE_CERTIFICATE_PURPOSE, "certificate of %s is not for servers: for %s, %s, sha256:%s; ask its operator") \
    X(FAILURE_CERTIFICATE_CONSTRAINT, "certificate of %s is for a name its issuer may not certify: for %s, %s," \
                                      " sha256:%s; ask its operator") \
    X(FAILURE_CERTIFICATE_REVOKED, "certificate of %s is revoked: for %s, %s, sha256:%s; ask its operator") \
    X(FAILURE_CERTIFICATE_NO_CRL, "certificate of %s has no valid revocation list: for %s, %s, sha256:%s; put a" \
                                  " current one into 'crl-file'") \
    /* the name wanted, its names, its end and issuer, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_OTHER_HOST, "certificate of %s is not for %s but for %s, %s, sha256:%s; if that is the right" \
                                      " server, add 'name NAME' to its block") \
    /* its names, its end and issuer, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_NOT_LISTED, "certificate of %s is not the one listed: for %s, %s, sha256:%s; if it was" \
                                      " renewed, add its new fingerprint") \
    /* what is too weak, its names, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_WEAK, "certificate of %s is too weak: %s; for %s, sha256:%s; its operator must renew it") \
    /* OpenSSL's word, its names, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_NOT_STRICT, "certificate of %s breaks a rule of RFC 5280: %s; for %s, sha256:%s; ask its" \
                                      " operator, or remove 'certificate-checks strict' from its block") \
    /* OpenSSL's word, its names, its SHA-256 */ \
    X(FAILURE_CERTIFICATE_INVALID, "certificate of %s is not valid: %s; for %s, sha256:%s; ask its operator")

/*
 * Certificates checked against the system's authorities. Words: as above; its names, its end and issuer, its
 * SHA-256.
 */
#define FAILURES_OF_SYSTEM_ROOTS(X) \
    X(FAILURE_NO_TRUST_STORE, "certificate of %s cannot be checked, because this machine trusts no authority: for %s, %s," \
                              " sha256:%s; install ca-certificates, or name your authorities with 'ca-file'") \
    /* its end and issuer, its SHA-256, a year */ \
    X(FAILURE_OLD_TRUST_STORE, "certificate of %s has an unknown issuer: %s, sha256:%s; this machine's newest roots are" \
                               " from %s: update ca-certificates, or name the authority with 'ca-file'")

/* The relay itself. The words are the server's name, then what the kernel lacks. */
#define FAILURES_OF_RELAY(X) \
    X(FAILURE_NO_SANDBOX, "no connection to %s, because the relay would run without its sandbox: %s; use a newer kernel, or" \
                          " accept the risk with 'sandbox optional' in its block of the policy")

/* Found by `retrotls check` alone. Words as above. */
#define FAILURES_OF_CHECK(X) \
    X(FAILURE_EXPECTS_TLS, "no greeting from %s: it expects TLS from the first byte, and the policy says STARTTLS; add" \
                           " 'tls implicit' to its block")

#define FAILURES(X) FAILURES_OF_CHECK(X) FAILURES_OF_RELAY(X) FAILURES_OF_DIALOGUE(X) FAILURES_OF_TLS(X) FAILURES_OF_PROOF(X) FAILURES_OF_CERTIFICATES(X) \
    FAILURES_OF_SYSTEM_ROOTS(X)
/* clang-format on */

#endif
