/* Translates the policy's settings for OpenSSL. */
#ifndef RETROTLS_RELAY_TLS_TLS_SETTINGS_H
#define RETROTLS_RELAY_TLS_TLS_SETTINGS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/protocol/failure.h"
#include "relay/sandbox/monitor_client.h"
#include "wire/settings.h"

enum { TLS_SETTINGS_KEY = 32 }; /* bytes: SHA-256 */

/*
 * Learns the states of those files that `settings` name and this level uses. Call it before the two below.
 * False with `why` set if a file system does not answer; `server` is for the message.
 */
bool tls_learn_files(struct files *files, const struct settings *settings, const char *server,
                     struct failure *why);

/* Applies `settings` to a new context. False with `why` set; `server` is for the message. */
bool tls_apply_settings(SSL_CTX *context, const struct settings *settings, const struct files *files,
                        const char *server, struct failure *why);

/*
 * True if TLS 1.2 is restricted to key exchanges with forward secrecy and AEAD ciphers: at `secure` and
 * `fingerprint`, unless the policy sets `ciphers`. A server that supports none of them is refused.
 */
bool tls_modern_ciphers_only(const struct settings *settings);

/* Gives one connection its client certificate, if the settings name one. False with `why` set. */
bool tls_apply_client_certificate(SSL *ssl, const struct settings *settings, const struct files *files,
                                  const char *server, struct failure *why);

/* A setting that cannot be used, and why, in OpenSSL's words. */
struct tls_fault {
    const char *setting, *says;
};

/* Whether OpenSSL can use the settings and the files that they name; if not, sets `fault`. */
bool tls_try_settings(const struct settings *settings, struct tls_fault *fault);

/*
 * The key that a context is kept under: a digest of everything in `settings` that distinguishes contexts,
 * including the state of the files and whose rights they are read with.
 */
bool tls_settings_key(const struct settings *settings, const struct files *files,
                      unsigned char key[TLS_SETTINGS_KEY]);

#endif
