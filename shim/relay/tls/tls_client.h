/* The client's certificate, and the key that the monitor keeps and signs with. */
#ifndef RETROTLS_RELAY_TLS_TLS_CLIENT_H
#define RETROTLS_RELAY_TLS_TLS_CLIENT_H

#include <openssl/ssl.h>

#include "relay/sandbox/monitor_client.h"

enum { TLS_CLIENT_OPENSSL = -100 }; /* OpenSSL's error queue has the reason */

/*
 * Give `ssl` the policy's client-cert and client-key. An encrypted key counts as none. Return 0, an error
 * that files_error() explains, or TLS_CLIENT_OPENSSL.
 */
int tls_client_certificate(SSL *ssl, const struct files *files);
int tls_client_key(SSL *ssl, const struct files *files);

/* Removes both from `ssl` again. */
void tls_client_forget(SSL *ssl);

#endif
