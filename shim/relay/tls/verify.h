/*
 * Whether the server is the one that was meant: its certificate's chain and names, or its fingerprint, as the
 * level asks. The chain is OpenSSL's own verification; so is the comparison of each name (RFC 9525, 6).
 */
#ifndef RETROTLS_RELAY_TLS_VERIFY_H
#define RETROTLS_RELAY_TLS_VERIFY_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

#include "relay/failure.h"
#include "relay/tls/reference.h"
#include "wire/settings.h"

struct verification {
    const struct settings *settings;
    const struct references *references;
    const char *server, *address; /* for messages */
    struct failure
        why; /* set where a check failed, also where `settings->testing` lets the connection go on */
    char verified[REFERENCE_LIMIT]; /* what matched: a name, an address or "sha256:..."; "" at unchecked
                                       levels */
};

/*
 * To be called by OpenSSL once it has the server's chain (SSL_CTX_set_cert_verify_callback): sets the error
 * in `store`, from which OpenSSL makes the alert, and returns 0 where the connection must not go on.
 */
int verify_chain(X509_STORE_CTX *store, struct verification *v);

/*
 * The same for a resumed session, whose chain was verified when it began under the same settings: everything
 * about the certificate itself is checked again. False with `v->why` set.
 */
bool verify_resumed(X509 *certificate, struct verification *v);

#endif
