/*
 * Verifies that the server is the intended one, as the level asks: by its certificate's chain and names, or
 * by its fingerprint. OpenSSL verifies the chain and compares each name (RFC 9525, 6).
 */
#ifndef RETROTLS_RELAY_TLS_VERIFY_H
#define RETROTLS_RELAY_TLS_VERIFY_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

#include "relay/protocol/failure.h"
#include "relay/tls/reference.h"
#include "wire/settings.h"

struct verification {
    const struct settings *settings;
    const struct references *references;
    const char *server, *address; /* for messages */
    struct failure why; /* set if a check failed, even if `settings->testing` lets the connection go on */
    char verified[REFERENCE_LIMIT]; /* the matching name, address or "sha256:..."; "" at unchecked levels */
};

/*
 * OpenSSL calls this once it has the server's chain (SSL_CTX_set_cert_verify_callback). Sets the error in
 * `store`, from which OpenSSL makes the alert, and returns 0 if the connection must not go on.
 */
int verify_chain(X509_STORE_CTX *store, struct verification *v);

/*
 * The same for a resumed session. Its chain was verified when it began, under the same settings, so only what
 * concerns the certificate itself is checked again. False with `v->why` set.
 */
bool verify_resumed(X509 *certificate, struct verification *v);

#endif
