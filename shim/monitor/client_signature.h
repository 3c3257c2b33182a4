/*
 * Signs with the key of a client's certificate. The worker that asks may be compromised: it gets only
 * signatures that a TLS client makes in a handshake, and no others.
 */
#ifndef RETROTLS_MONITOR_CLIENT_SIGNATURE_H
#define RETROTLS_MONITOR_CLIENT_SIGNATURE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/messages.h"

/*
 * Hashes and signs `length` bytes, and writes up to `size` bytes to `signature`. Returns 0, or an errno:
 * EPERM unless the bytes are what RFC 8446, 4.4.3 or RFC 5246, 7.4.8 has a client sign, and `how` is a scheme
 * that the client may use with this key.
 */
int client_signature(EVP_PKEY *key, const struct monitor_signing *how, const uint8_t *what, size_t length,
                     uint8_t *signature, size_t size, size_t *used);

#endif
