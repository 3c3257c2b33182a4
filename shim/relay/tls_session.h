/*
 * Sessions that may be resumed, kept as bytes: so no object of OpenSSL's is shared between threads, and the
 * secrets in them are wiped when they go. All calls may come from any thread.
 */
#ifndef RETROTLS_RELAY_TLS_SESSION_H
#define RETROTLS_RELAY_TLS_SESSION_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_SESSIONS_LIMIT = 32,       /* kept in one store */
    TLS_SESSION_SIZE = 16384,      /* bytes of one */
    TLS_SESSION_KEY_LIMIT = 640,   /* bytes of its key */
    TLS_SESSION_AGE = 3600 * 1000, /* ms: a certificate's chain is verified anew at least that often */
};

struct tls_sessions {
    pthread_mutex_t lock;
    uint64_t kept; /* so far */
    struct kept_session {
        unsigned char *bytes; /* NULL: free */
        size_t length;
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
 * Keeps `session`. `verified` is when the certificate was verified in full: a session that comes of a resumed
 * one inherits its time, or a chain of them would outlive every certificate.
 */
void tls_session_keep(struct tls_sessions *sessions, const char *key, SSL_SESSION *session, int64_t verified);

#endif
