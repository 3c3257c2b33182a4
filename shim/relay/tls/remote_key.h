/*
 * A private key that this process does not have: it has the public half, and the monitor makes the
 * signatures. OpenSSL sees it as a provider's key (provider-keymgmt(7), provider-signature(7)). The
 * algorithms are those of its own "default" provider, which does everything that needs only the public half.
 */
#ifndef RETROTLS_RELAY_TLS_REMOTE_KEY_H
#define RETROTLS_RELAY_TLS_REMOTE_KEY_H

#include <openssl/evp.h>
#include <stdint.h>

/*
 * Makes the key whose public half is `public` (which stays the caller's), and whose private half the monitor
 * keeps for `grant`. NULL with OpenSSL's error.
 */
EVP_PKEY *remote_key_new(EVP_PKEY *public, uint32_t grant);

#endif
