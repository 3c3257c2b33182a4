/*
 * SSL_CTX objects, one for each set of settings that differ in anything that matters to TLS, and the sessions
 * that can be resumed under them. Loading a trust store takes milliseconds, and most of a program's
 * connections share one. Any thread may make these calls.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_CONTEXT_H
#define RETROTLS_RELAY_TLS_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/protocol/failure.h"
#include "relay/sandbox/monitor_client.h"
#include "relay/tls/tls_session.h"
#include "wire/settings.h"

enum { TLS_CONTEXTS_LIMIT = 8 }; /* contexts kept for later connections */

struct tls_context;

/*
 * Returns the context for `settings` and the `files` that they name. It is made if there is none yet, or if a
 * file that it was made from has changed. Return it with tls_context_put(). NULL with `why` set if a setting
 * cannot be used. `server` is for the message.
 */
struct tls_context *tls_context_get(const struct settings *settings, const struct files *files,
                                    const char *server, struct failure *why);
void tls_context_put(struct tls_context *context);
SSL_CTX *tls_context_openssl(struct tls_context *context);

/* The sessions that can be resumed under it. */
struct tls_sessions *tls_context_sessions(struct tls_context *context);

/*
 * Makes OpenSSL load what a first handshake needs, with a handshake that stops after its ClientHello. The
 * first context is made from what that leaves, and waits for it.
 */
void tls_warm_up(void);

#endif
