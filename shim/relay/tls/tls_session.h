/*
 * Sessions that may be resumed. Each connection gets an object of its own, which refers to the certificate,
 * and shares nothing else with another: to share the whole, as OpenSSL's cache does, would be to free in one
 * thread what another has just read; to keep bytes would be to parse the certificate for each connection,
 * half as dear as the whole handshake. One of TLS 1.3 is resumed once, one of TLS 1.2 by several. The secrets
 * in them are wiped when they go. All calls may come from any thread.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_SESSION_H
#define RETROTLS_RELAY_TLS_TLS_SESSION_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_SESSIONS_LIMIT = 32,       /* kept in one store */
    TLS_SESSION_KEY_LIMIT = 640,   /* bytes of its key */
    TLS_SESSION_AGE = 3600 * 1000, /* ms: a certificate's chain is verified anew at least that often */
};

struct tls_sessions {
    pthread_mutex_t lock;
    uint64_t kept; /* so far */
    struct kept_session {
        SSL_SESSION *session; /* NULL: free */
        int64_t verified;
        uint64_t order;
        char key[TLS_SESSION_KEY_LIMIT];
    } item[TLS_SESSIONS_LIMIT];
};

void tls_sessions_open(struct tls_sessions *sessions);
void tls_sessions_close(struct tls_sessions *sessions);

/*
 * The latest session kept under `key` (the server's address and the names it was verified for), for the
 * caller to free, and when its certificate was verified, on plain_now(). NULL where there is none. One of
 * TLS 1.3 is given once (RFC 8446, C.4).
 */
SSL_SESSION *tls_session_take(struct tls_sessions *sessions, const char *key, int64_t *verified);

/*
 * Keeps a copy of `session`. `verified` is when the certificate was verified in full: a session that comes of
 * a resumed one inherits its time, or a chain of them would outlive every certificate.
 */
void tls_session_keep(struct tls_sessions *sessions, const char *key, SSL_SESSION *session, int64_t verified);

/*
 * Whatever other threads did with sessions taken from here has been done: to be called before the certificate
 * that they share with the connection they came from is freed. OpenSSL counts its references by atomic
 * operations, which ThreadSanitizer, for one, does not see.
 */
void tls_sessions_settle(struct tls_sessions *sessions);

#endif
