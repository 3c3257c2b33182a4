/*
 * The system's bundle of root certificates, read only when a root is not found elsewhere: reading it takes 25
 * ms, and where the hashed folder beside it has the same roots (Debian), it is never needed.
 */
#ifndef RETROTLS_RELAY_BUNDLE_H
#define RETROTLS_RELAY_BUNDLE_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

/*
 * Adds the file `path` as the last place where `store` looks for a certificate; `path` must outlive the
 * store. A file that is not there, or holds nothing usable, is as one with no certificates. False without
 * memory.
 */
bool bundle_add(X509_STORE *store, const char *path);

#endif
