/*
 * The client's certificate and key. The worker gets the certificates and the public key; it has the monitor
 * sign. The monitor only signs what a TLS client signs in a handshake.
 */
#ifndef RETROTLS_MONITOR_CLIENT_KEY_H
#define RETROTLS_MONITOR_CLIENT_KEY_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/messages.h"

/*
 * Copies the certificates from the PEM file `fd`, which may also hold the key: only the certificate blocks,
 * as text, `*length` bytes of at most `size`. Returns 0, an errno, or an error of MONITOR_CERTIFICATE.
 */
int client_certificates(int fd, uint8_t *text, size_t size, size_t *length);

/*
 * Reads the key from the PEM file `fd`; free it while heap_wipe_all() is on. Returns 0, an errno,
 * MONITOR_HAS_PASSPHRASE, ...
 */
int client_key_read(int fd, EVP_PKEY **key);

/* Writes the public key in DER. */
int client_key_public(EVP_PKEY *key, uint8_t *der, size_t size, size_t *length);

#endif
