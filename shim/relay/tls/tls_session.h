/*
 * Sessions for resumption. Each connection gets an object of its own, which shares nothing with others but a
 * reference to the certificate. Sharing whole objects, as OpenSSL's cache does, would free in one thread what
 * another has just read. Keeping serialized sessions would mean parsing the certificate for each connection,
 * half the cost of a whole handshake. A TLS 1.3 session is resumed once, a TLS 1.2 session by several
 * connections. The secrets in them are wiped when they are dropped. Any thread may make these calls.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_SESSION_H
#define RETROTLS_RELAY_TLS_TLS_SESSION_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_SESSIONS_LIMIT = 32,       /* kept in one store */
    TLS_SESSION_KEY_LIMIT = 640,   /* bytes of a session's key */
    TLS_SESSION_AGE = 3600 * 1000, /* ms: a certificate's chain is verified again at least this often */
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
 * Returns the latest session kept under `key` (the server's address and the names it was verified for), and
 * when its certificate was verified, on plain_now(). The caller frees it. NULL if there is none. A TLS 1.3
 * session is returned only once (RFC 8446, C.4).
 */
SSL_SESSION *tls_session_take(struct tls_sessions *sessions, const char *key, int64_t *verified);

/*
 * Keeps a copy of `session`. `verified` is when the certificate was verified in full. A session that comes
 * from a resumed one inherits its time, or a chain of them would outlive every certificate.
 */
void tls_session_keep(struct tls_sessions *sessions, const char *key, SSL_SESSION *session, int64_t verified);

/*
 * Call this before freeing the certificate that a connection shares with the sessions taken from here.
 * Everything that other threads did with those sessions has then happened before. OpenSSL counts references
 * with atomic operations, which ThreadSanitizer, for one, does not see.
 */
void tls_sessions_settle(struct tls_sessions *sessions);

#endif
