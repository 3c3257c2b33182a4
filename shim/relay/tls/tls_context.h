/*
 * SSL_CTX objects, one for each set of settings that differ in anything that matters to TLS, and the sessions
 * that may be resumed under them. Loading a trust store costs milliseconds; most connections of a program
 * share one. All calls may come from any thread.
 */
#ifndef RETROTLS_RELAY_TLS_TLS_CONTEXT_H
#define RETROTLS_RELAY_TLS_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "relay/failure.h"
#include "relay/sandbox/monitor_client.h"
#include "relay/tls/tls_session.h"
#include "wire/settings.h"

enum { TLS_CONTEXTS_LIMIT = 8 }; /* contexts that are kept for later connections */

struct tls_context;

/*
 * The context for `settings` and `files`, which they name; made if there is none yet, or where a file that it
 * was made from has changed. To be returned with tls_context_put(). NULL with `why` set where one of the
 * settings cannot be used. `server` is for the message.
 */
struct tls_context *tls_context_get(const struct settings *settings, const struct files *files,
                                    const char *server, struct failure *why);
void tls_context_put(struct tls_context *context);
SSL_CTX *tls_context_openssl(struct tls_context *context);

/* The sessions that may be resumed under it. */
struct tls_sessions *tls_context_sessions(struct tls_context *context);

/* Has OpenSSL find and load what a first handshake needs, by one that gets no further than its ClientHello.
 */
void tls_warm_up(void);

#endif
