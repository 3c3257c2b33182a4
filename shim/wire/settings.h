/*
 * How to treat one connection: the policy's outcome, as the relay needs it.
 *
 * The policy fills this in, the wire carries it, and the relay obeys it. The strings belong to whoever filled
 * it in (the loaded policy, or the received message) and live as long as that does.
 */
#ifndef RETROTLS_WIRE_SETTINGS_H
#define RETROTLS_WIRE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocols.h"

/* Postfix's names (smtp_tls_security_level). */
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

/* In place of a ca-file's path: the roots that are installed next to the relay. */
#define SETTINGS_BUNDLED "bundled"

struct text_list {
    uint32_t count;
    const char *item[SETTINGS_LIST_LIMIT];
};

struct settings {
    enum level level;
    enum protocol_kind protocol;
    bool implicit;             /* TLS from the first byte, no STARTTLS */
    bool testing;              /* log what would have failed, then go on as LEVEL_MAY would */
    bool strict_certificates;  /* also the RFC 5280 rules that only X509_V_FLAG_X509_STRICT enforces */
    uint32_t timeout;          /* seconds */
    uint32_t greeting_timeout; /* seconds */
    uint32_t tls_min, tls_max; /* 0: OpenSSL's own; else SETTINGS_TLS_1_2, ... */
    uint32_t connect_port;     /* 0: the port that the program asked for */
    const char *connect_host;  /* every string below is NULL if not set */
    const char *servername;    /* SNI, instead of the name that is checked */
    const char *ca_file;       /* a path, or SETTINGS_BUNDLED */
    const char *ca_dir;
    const char *crl_file;
    const char *ciphers;      /* TLS 1.2, OpenSSL's words */
    const char *ciphersuites; /* TLS 1.3 */
    const char *groups;
    const char *client_cert;
    const char *client_key;
    const char *log;               /* NULL, "syslog", "stderr", "none", or an absolute path */
    const char *rule;              /* what decided: "FILE:LINE", or "built-in defaults" */
    struct text_list names;        /* the policy's `name`: the certificate must match one of them */
    struct text_list fingerprints; /* "sha256:HEX" (certificate) or "spki-sha256:HEX" (public key) */
};

/* The level's name as in a policy file; never NULL. */
const char *level_name(enum level level);
/* True if the level forbids plaintext, whatever the server says. */
bool level_demands_tls(enum level level);
/* True if the roots are those next to the relay (SETTINGS_BUNDLED). */
bool settings_trust_bundled(const struct settings *settings);

#endif
