/*
 * What is to be done with one connection: the outcome of the policy, as the relay needs it.
 *
 * The policy fills it, the wire carries it, the relay obeys it. Strings belong to whoever filled the
 * structure (the loaded policy, or the message that was received) and live as long as that does.
 */
#ifndef RETROTLS_WIRE_SETTINGS_H
#define RETROTLS_WIRE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocols.h"

/* Postfix's words (smtp_tls_security_level). */
enum level {
    LEVEL_NONE = 0,
    LEVEL_MAY = 1,
    LEVEL_ENCRYPT = 2,
    LEVEL_SECURE = 3,
    LEVEL_FINGERPRINT = 4,
};

enum {
    SETTINGS_LIST_LIMIT = 16,        /* values in one list */
    SETTINGS_TIMEOUT = 60,           /* seconds: the whole negotiation after the greeting */
    SETTINGS_GREETING_TIMEOUT = 300, /* seconds: RFC 5321, 4.5.3.2.1 */
    SETTINGS_TLS_1_2 = 0x0303,
    SETTINGS_TLS_1_3 = 0x0304,
};

/* Instead of the path of a ca-file: the roots that lie beside the relay. */
#define SETTINGS_BUNDLED "bundled"

struct text_list {
    uint32_t count;
    const char *item[SETTINGS_LIST_LIMIT];
};

struct settings {
    enum level level;
    enum protocol_kind protocol;
    bool implicit;             /* TLS from the first byte, no STARTTLS */
    bool testing;              /* log what would have failed, go on as LEVEL_MAY would */
    bool strict_certificates;  /* certificates must keep to RFC 5280 in what only the strict demand */
    uint32_t timeout;          /* seconds */
    uint32_t greeting_timeout; /* seconds */
    uint32_t tls_min, tls_max; /* 0: OpenSSL's own; else SETTINGS_TLS_1_2, ... */
    uint32_t connect_port;     /* 0: as the program asked */
    const char *connect_host;  /* each string below: NULL where not set */
    const char *servername;    /* SNI, instead of the name that is checked */
    const char *ca_file;       /* a path, or SETTINGS_BUNDLED */
    const char *ca_dir;
    const char *crl_file;
    const char *ciphers;      /* TLS 1.2, OpenSSL's words */
    const char *ciphersuites; /* TLS 1.3 */
    const char *groups;
    const char *client_cert;
    const char *client_key;
    const char *log;               /* NULL or "syslog", "stderr", "none", or an absolute path */
    const char *rule;              /* what decided: "FILE:LINE", or "built-in defaults" */
    struct text_list names;        /* the policy's `name`: the certificate must match one of them */
    struct text_list fingerprints; /* "sha256:HEX" (certificate) or "spki-sha256:HEX" (public key) */
};

/* The level's name as in a policy file; never NULL. */
const char *level_name(enum level level);
/* True where the level forbids plaintext, whatever the server says. */
bool level_demands_tls(enum level level);
/* True where the roots are those that lie beside the relay. */
bool settings_trust_bundled(const struct settings *settings);

#endif
