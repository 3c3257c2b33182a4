/*
 * OpenSSL's access to the socket: recv(2) and send(2) with MSG_DONTWAIT. Other processes may share the file
 * description, so we do not set O_NONBLOCK on it; and no write may raise SIGPIPE.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_BIO_H
#define RETROTLS_RELAY_TLS_TLS_BIO_H

#include <openssl/bio.h>

struct tls;

/* A BIO over the socket of `tls`, which must outlive it. NULL without memory. */
BIO *tls_bio_new(struct tls *tls);

#endif
