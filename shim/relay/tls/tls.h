/*
 * One TLS connection to the server, over the socket on which STARTTLS was agreed.
 *
 * Never blocks but in tls_handshake(), which waits no longer than the dialogue's deadline. A connection
 * belongs to one thread.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_H
#define RETROTLS_RELAY_TLS_TLS_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/failure.h"
#include "relay/protocol/plain.h"
#include "relay/pump/buffer.h"
#include "relay/pump/stream.h"
#include "relay/tls/reference.h"
#include "relay/tls/tls_context.h"
#include "relay/tls/verify.h"
#include "wire/wire.h"

struct tls {
    struct stream stream; /* for the pump */
    SSL *ssl;             /* NULL: not open */
    struct tls_context *context;
    struct files own_files; /* where the peer has none */
    struct files *files;
    struct references references;
    char address[INET6_ADDRSTRLEN]; /* of the server, for messages and the session's key */
    struct verification check;
    char session_key[TLS_SESSION_KEY_LIMIT]; /* "": not to be resumed */
    int64_t
        verified; /* when the certificate was verified in full, by this connection or the one it resumes */
    int64_t deadline; /* the dialogue's: OpenSSL, which may read on and on, reads nothing after it */
    bool pumped;      /* the pump waits for edges: after a short read, none is tried before the next edge */
    size_t received;  /* bytes, by this read of the pump's */
    bool dry;         /* there was a short read */
    bool eof;         /* the server sent its FIN */
    bool broken;      /* OpenSSL gave up: no close_notify can be sent */
    bool more;        /* another record follows at once */
    bool tight;       /* the socket takes less than what would be gathered */
    bool unwritten;   /* OpenSSL has a record that the socket did not take */
    struct buffer gathered; /* records that leave with the one after them */
    bool finished;          /* our FIN is sent: what OpenSSL still wants to write is dropped */
    int error;              /* errno of the last failed read or write, 0 for none */
};

/* Whom the connection is to, and what is asked of it. */
struct tls_peer {
    const struct settings *settings;
    const struct text_list *asked;      /* host names that the program asked the resolver for */
    const struct wire_address *address; /* that it connected to */
    const char *server;                 /* for messages */
    struct files *files; /* that the settings name; NULL: it is this process itself that names them */
};

/*
 * Prepares a connection over the socket `fd`, which stays the caller's. `peer` and what it points to must
 * outlive it. False with `why` set; nothing is to be closed then.
 */
bool tls_open(struct tls *tls, int fd, const struct tls_peer *peer, struct failure *why);

/*
 * The handshake and the certificate's verification, until `server->deadline`. False with `why` set. With
 * `testing`, tls->check.why may be set though it returns true.
 */
bool tls_handshake(struct tls *tls, const struct plain *server, struct failure *why);

/* Frees everything, and says nothing to the server. Does nothing where tls->ssl is NULL. */
void tls_close(struct tls *tls);

/* A transport for a dialogue over TLS, that reads nothing after `*deadline`. Both must outlive it. */
struct tls_transport {
    struct transport transport;
    struct tls *tls;
    const int64_t *deadline;
};
void transport_over_tls(struct tls_transport *t, struct tls *tls, const int64_t *deadline);

/* For tls_context.c: what every context needs besides the settings. */
void tls_prepare_context(SSL_CTX *context);

#endif
