/*
 * How OpenSSL reaches the socket: recv(2) and send(2) with MSG_DONTWAIT. The descriptor's file description
 * may be shared with other processes, so O_NONBLOCK is not set on it; and no write may raise SIGPIPE.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_BIO_H
#define RETROTLS_RELAY_TLS_TLS_BIO_H

#include <openssl/bio.h>

struct tls;

/* A BIO over the socket of `tls`, which must outlive it. NULL where there is no memory. */
BIO *tls_bio_new(struct tls *tls);

#endif
