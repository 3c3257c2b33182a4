/*
 * For tests of the TLS side: certificates of every kind, made in memory, and a server that runs in a thread
 * of the test and shows one of them.
 */
#ifndef RETROTLS_TESTS_UNIT_TLS_PEER_H
#define RETROTLS_TESTS_UNIT_TLS_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "relay/tls/tls.h"

struct identity_of_peer {
    X509 *certificate;
    EVP_PKEY *key;
};

struct wish {
    const char *cn;
    const char *san;     /* as in openssl.cnf: "DNS:a.example,IP:192.0.2.1"; NULL: none */
    const char *raw_dns; /* one more dNSName: `raw_length` bytes, unchanged */
    size_t raw_length;
    const char *usage;       /* extendedKeyUsage; NULL: serverAuth, or none for a CA; "": none */
    const char *constraints; /* nameConstraints */
    const char *basic;       /* basicConstraints; NULL: as `ca` says; "": none */
    const char *key_usage;   /* keyUsage; NULL: as `ca` says; "": none */
    const char *ski, *aki;   /* subjectKeyIdentifier, authorityKeyIdentifier; NULL: none */
    const char *more;        /* one more extension, "OID=value" or "critical,OID=value" */
    const char *serial;      /* in hex digits; NULL: a new one */
    const char *key;         /* "DSA", or a curve; NULL: as `rsa_bits` says */
    const char *issuer_cn;   /* instead of the issuer's own name */
    int begin, end;          /* days from now; both 0: yesterday and in a month */
    int rsa_bits;            /* 0: a P-256 key */
    bool ca;
    bool sha1;
    bool version_1; /* X.509 version 1, without extensions */
};

/* Issued by `issuer`, or self-signed if that is NULL. */
struct identity_of_peer peer_certificate(const struct wish *wish, const struct identity_of_peer *issuer);
/* The same for an existing key. The caller keeps its own reference to the key. */
struct identity_of_peer peer_certificate_of_key(const struct wish *wish,
                                                const struct identity_of_peer *issuer, EVP_PKEY *key);
void peer_certificate_free(struct identity_of_peer *identity);
/* Appends to a PEM file. The caller removes the file. */
void peer_certificate_to_file(const struct identity_of_peer *identity, const char *path);

/* A root of trust, with its PEM file. */
struct peer_authority {
    struct identity_of_peer root;
    char file[64];
};
void peer_authority_open(struct peer_authority *authority);
void peer_authority_close(struct peer_authority *authority);

/*
 * A test group may have these: a root of trust, and a certificate that it issued for mail.example at
 * 127.0.0.1.
 */
extern struct peer_authority peer_trusted;
extern struct identity_of_peer peer_shown;
int peer_set_up(void **state);
int peer_tear_down(void **state);
struct settings peer_settings(enum level level);

/* Writes a CRL of `issuer` that revokes `revoked` (NULL: nothing). */
void peer_crl_to_file(const struct identity_of_peer *issuer, X509 *revoked, const char *path);

/* The context of a server that shows `identity` and then `chain` (NULL: none). */
SSL_CTX *peer_context(const struct identity_of_peer *identity, X509 *chain);

/* A connected pair of TCP sockets on loopback. */
void peer_tcp_pair(int pair[2]);

/* Handshakes on `fd` in its own thread, calls `act` (NULL: nothing) if that succeeds, then closes. */
struct tls_peer_server {
    SSL_CTX *context;
    int fd;
    void (*act)(SSL *ssl, void *argument);
    void *argument;
    bool accepted;
    pthread_t thread;
};
void peer_server_start(struct tls_peer_server *server);
/* Waits for it to end. True if the handshake succeeded on its side. */
bool peer_server_join(struct tls_peer_server *server);

/*
 * How the relay's side judged a server: a handshake with `context` over TCP on loopback, as "mail.example" at
 * 127.0.0.1:143. With `act`, it then reads one byte from the server.
 */
struct peer_seen {
    bool done;
    struct failure why;
    char verified[REFERENCE_LIMIT];
    bool resumed;
};

struct peer_seen peer_handshake(SSL_CTX *context, const struct settings *settings,
                                const struct text_list *asked, void (*act)(SSL *, void *));

/*
 * peer_handshake() and peer_saw() note which failures occurred. peer_must_have_seen() fails if one of
 * `wanted` did not.
 */
void peer_saw(const struct failure *why);
void peer_must_have_seen(const enum failure_kind *wanted, size_t count);

/* A list of up to two names. */
struct text_list peer_names(const char *one, const char *two);

#endif
