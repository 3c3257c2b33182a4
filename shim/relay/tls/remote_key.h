/*
 * A private key that this process does not have: its public half, and a signature that the monitor makes.
 * OpenSSL meets it as a provider's key (provider-keymgmt(7), provider-signature(7)); the algorithms are those
 * of its own "default" provider, which does all that the public half is good for.
 */
#ifndef RETROTLS_RELAY_TLS_REMOTE_KEY_H
#define RETROTLS_RELAY_TLS_REMOTE_KEY_H

#include <openssl/evp.h>
#include <stdint.h>

/*
 * The key whose public half is `public` (which stays the caller's) and which the monitor keeps for `grant`.
 * NULL with OpenSSL's error.
 */
EVP_PKEY *remote_key_new(EVP_PKEY *public, uint32_t grant);

#endif
