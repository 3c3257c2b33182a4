/*
 * Rules for a chain that OpenSSL's own verification lacks. They keep a password from a server that nobody
 * vouched for.
 */
#ifndef RETROTLS_RELAY_TLS_CHAIN_RULES_H
#define RETROTLS_RELAY_TLS_CHAIN_RULES_H

#include <openssl/x509.h>

#include "relay/protocol/failure.h"

/*
 * Checks a chain that X509_verify_cert() has accepted, the server's certificate first. Returns FAILURE_NONE
 * if the chain keeps the rules; else the failure, and sets `*blamed` to the certificate at fault, which
 * belongs to the chain. FAILURE_NO_MEMORY is possible.
 */
enum failure_kind chain_rules_check(STACK_OF(X509) * chain, X509 **blamed);

#endif
