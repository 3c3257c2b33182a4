/* A client's certificate and key, from their files, so that nothing of the key stays in memory. */
#ifndef RETROTLS_RELAY_TLS_CLIENT_H
#define RETROTLS_RELAY_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * Each gives `ssl` what stands in a PEM file, as SSL_use_certificate_chain_file(3) and
 * SSL_use_PrivateKey_file(3) do; an encrypted key is none. False with OpenSSL's queue of errors telling why.
 */
bool tls_client_certificate(SSL *ssl, const char *path);
bool tls_client_key(SSL *ssl, const char *path);

/* Takes both away from `ssl` again, and wipes the key. */
void tls_client_forget(SSL *ssl);

#endif
