/*
 * Signatures with the key of a client's certificate. The worker that asks for them may have been taken over:
 * it gets those that a TLS client makes in a handshake, and no other that the same key could serve for.
 */
#ifndef RETROTLS_MONITOR_CLIENT_SIGNATURE_H
#define RETROTLS_MONITOR_CLIENT_SIGNATURE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/messages.h"

/*
 * Hashes and signs `length` bytes, of which up to `size` go to `signature`. 0, or an errno: EPERM unless they
 * are what RFC 8446, 4.4.3 or RFC 5246, 7.4.8 has a client sign, and `how` is a scheme that such a client may
 * use with this key.
 */
int client_signature(EVP_PKEY *key, const struct monitor_signing *how, const uint8_t *what, size_t length,
                     uint8_t *signature, size_t size, size_t *used);

#endif
