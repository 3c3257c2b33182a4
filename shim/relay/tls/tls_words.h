/* Why a TLS handshake failed, in words for a person. */
#ifndef RETROTLS_RELAY_TLS_TLS_WORDS_H
#define RETROTLS_RELAY_TLS_TLS_WORDS_H

#include "relay/protocol/failure.h"
#include "relay/tls/tls.h"

/*
 * Sets `why` after SSL_connect() on `tls` has failed with `ssl_error` (SSL_get_error()). Empties OpenSSL's
 * error queue.
 */
void tls_explain(const struct tls *tls, int ssl_error, struct failure *why);

#endif
