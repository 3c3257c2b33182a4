/*
 * The client's certificate and key: the worker gets the certificates and the public half, and has the monitor
 * sign. It signs what a TLS client signs in a handshake, and nothing else.
 */
#ifndef RETROTLS_MONITOR_CLIENT_KEY_H
#define RETROTLS_MONITOR_CLIENT_KEY_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/messages.h"

/*
 * The certificates in the PEM file `fd`, which may hold the key as well: their blocks alone, as text. 0, an
 * errno, or what MONITOR_CERTIFICATE answers with. `*length` bytes of `size`.
 */
int client_certificates(int fd, uint8_t *text, size_t size, size_t *length);

/* The key in the PEM file `fd`, to be freed with memory_wipe_all(). 0, an errno, MONITOR_HAS_PASSPHRASE, ...
 */
int client_key_read(int fd, EVP_PKEY **key);

/* Its public half in DER. */
int client_key_public(EVP_PKEY *key, uint8_t *der, size_t size, size_t *length);

#endif
