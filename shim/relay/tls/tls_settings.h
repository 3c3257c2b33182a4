/* What the policy's settings come to in OpenSSL. */
#ifndef RETROTLS_RELAY_TLS_TLS_SETTINGS_H
#define RETROTLS_RELAY_TLS_TLS_SETTINGS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/failure.h"
#include "relay/sandbox/monitor_client.h"
#include "wire/settings.h"

enum { TLS_SETTINGS_KEY = 32 }; /* bytes: SHA-256 */

/* Applies `settings` to a new context. False with `why` set; `server` is for the message. */
bool tls_apply_settings(SSL_CTX *context, const struct settings *settings, const struct files *files,
                        const char *server, struct failure *why);

/*
 * True where TLS 1.2 is confined to key exchanges with forward secrecy and AEAD ciphers: at `secure` and
 * `fingerprint`, unless the policy has `ciphers` of its own. A server that has none of them is refused.
 */
bool tls_modern_ciphers_only(const struct settings *settings);

/* Gives one connection its client certificate, where the settings name one. False with `why` set. */
bool tls_apply_client_certificate(SSL *ssl, const struct settings *settings, const struct files *files,
                                  const char *server, struct failure *why);

/* What cannot be used of settings, and why in OpenSSL's words. */
struct tls_fault {
    const char *setting, *says;
};

/* Whether OpenSSL can use them, with the files that they name; else false with `fault` set. */
bool tls_try_settings(const struct settings *settings, struct tls_fault *fault);

/*
 * The key under which a context is kept: a digest of everything about `settings` that tells one context from
 * another, the state of the files included, and by whose rights they are read.
 */
bool tls_settings_key(const struct settings *settings, const struct files *files,
                      unsigned char key[TLS_SETTINGS_KEY]);

#endif
