/*
 * One TLS connection to the server, over the socket on which STARTTLS was agreed.
 *
 * Only tls_handshake() blocks, until the dialogue's deadline at the latest. A connection belongs to one
 * thread.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_H
#define RETROTLS_RELAY_TLS_TLS_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/io/buffer.h"
#include "relay/io/stream.h"
#include "relay/protocol/failure.h"
#include "relay/protocol/plain.h"
#include "relay/tls/reference.h"
#include "relay/tls/tls_context.h"
#include "relay/tls/verify.h"
#include "wire/wire.h"

struct tls {
    struct stream stream; /* for the pump */
    SSL *ssl;             /* NULL: not open */
    struct tls_context *context;
    struct files own_files; /* used if the peer has none */
    struct files *files;
    struct references references;
    char address[INET6_ADDRSTRLEN]; /* the server's, for messages and the session's key */
    struct verification check;
    char session_key[TLS_SESSION_KEY_LIMIT]; /* "": do not resume */
    int64_t verified; /* when this connection, or the one it resumes, verified the certificate in full */
    int64_t deadline; /* the dialogue's: OpenSSL may read on and on, but not past it */
    int error;        /* errno of the last failed read or write, 0 for none */
    /*
     * Reading. tls.c sets `pumped` and clears `received` and `dry` at the start of a read; the rest is set by
     * tls_bio.c, which does the recv(2).
     */
    bool pumped;     /* the pump waits for edges: after a short read, do not read before the next edge */
    size_t received; /* bytes received during the pump's current read */
    bool dry;        /* there was a short read: nothing before the next edge */
    bool eof;        /* the server sent its FIN; stays set */
    /* Writing. tls.c sets `more` and `unwritten` for each record; `tight` and `gathered` are tls_bio.c's. */
    bool more;      /* another record follows at once */
    bool unwritten; /* the socket did not take a record: OpenSSL must get the same bytes again */
    bool tight; /* the socket takes less at once than we would gather; looked at anew when a send is short */
    struct buffer gathered; /* records that are sent together with the next one */
    /* The end. tls.c alone sets these, and never clears them. */
    bool broken;   /* OpenSSL gave up: no close_notify can be sent */
    bool finished; /* our FIN is sent: drop whatever OpenSSL still wants to write */
};

/* The other side of the connection, and what is required of it. */
struct tls_peer {
    const struct settings *settings;
    const struct text_list *asked;      /* host names that the program asked the resolver for */
    const struct wire_address *address; /* that the program connected to */
    const char *server;                 /* for messages */
    struct files *files;                /* named by the settings; NULL: the settings are this process's own */
};

/*
 * Prepares a connection over the socket `fd`, which stays the caller's. `peer` and what it points to must
 * outlive it. False with `why` set; there is nothing to close then.
 */
bool tls_open(struct tls *tls, int fd, const struct tls_peer *peer, struct failure *why);

/*
 * Does the handshake and verifies the certificate, until `server->deadline`. False with `why` set. With
 * `testing`, tls->check.why may be set even if it returns true.
 */
bool tls_handshake(struct tls *tls, const struct plain *server, struct failure *why);

/* Frees everything, and sends nothing to the server. Does nothing if tls->ssl is NULL. */
void tls_close(struct tls *tls);

/*
 * A transport for a dialogue over TLS, which reads nothing after `*deadline`. `tls` and `deadline` must
 * outlive it.
 */
struct tls_transport {
    struct transport transport;
    struct tls *tls;
    const int64_t *deadline;
};
void transport_over_tls(struct tls_transport *t, struct tls *tls, const int64_t *deadline);

/* For tls_context.c: what every context needs besides the settings. */
void tls_prepare_context(SSL_CTX *context);

#endif
