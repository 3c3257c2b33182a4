#include "relay/tls_context.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relay/tls.h"
#include "relay/tls_settings.h"

struct kept_session {
    SSL_SESSION *session; /* NULL: free */
    uint64_t order;       /* when it was kept: the highest is the latest */
    char key[TLS_SESSION_KEY_LIMIT];
};

struct tls_context {
    unsigned char key[TLS_SETTINGS_KEY];
    SSL_CTX *openssl;
    unsigned references; /* under `lock`, as all below */
    uint64_t used;       /* when it was last asked for */
    uint64_t kept;       /* sessions kept so far */
    struct kept_session session[TLS_SESSIONS_LIMIT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tls_context *contexts[TLS_CONTEXTS_LIMIT];
static uint64_t uses;

static void destroy(struct tls_context *c)
{
    for (size_t i = 0; i < TLS_SESSIONS_LIMIT; i++)
        SSL_SESSION_free(c->session[i].session);
    SSL_CTX_free(c->openssl);
    free(c);
}

static void release(struct tls_context *c)
{
    if (--c->references == 0)
        destroy(c);
}

static struct tls_context *create(const struct settings *settings, const unsigned char *key,
                                  const char *server, struct failure *why)
{
    struct tls_context *c = calloc(1, sizeof *c);

    if (!c || !(c->openssl = SSL_CTX_new(TLS_client_method()))) {
        fail(why, FAILURE_NO_MEMORY, server);
        free(c);
        return NULL;
    }
    memcpy(c->key, key, sizeof c->key);
    if (!tls_apply_settings(c->openssl, settings, server, why)) {
        SSL_CTX_free(c->openssl);
        free(c);
        return NULL;
    }
    tls_prepare_context(c->openssl);
    return c;
}

/* The place for a new context: a free one, else that of the one not asked for the longest. */
static size_t place(void)
{
    size_t oldest = 0;

    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT; i++) {
        if (!contexts[i])
            return i;
        if (contexts[i]->used < contexts[oldest]->used)
            oldest = i;
    }
    release(contexts[oldest]);
    contexts[oldest] = NULL;
    return oldest;
}

struct tls_context *tls_context_get(const struct settings *settings, const char *server, struct failure *why)
{
    unsigned char key[TLS_SETTINGS_KEY];
    struct tls_context *found = NULL;

    if (!tls_settings_key(settings, key)) {
        fail(why, FAILURE_NO_MEMORY, server);
        return NULL;
    }
    /* Held while a context is made, so that many connections at once do not each read the trust store. */
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < TLS_CONTEXTS_LIMIT && !found; i++) {
        if (contexts[i] && memcmp(contexts[i]->key, key, sizeof key) == 0)
            found = contexts[i];
    }
    if (!found && (found = create(settings, key, server, why)) != NULL) {
        found->references = 1;
        contexts[place()] = found;
    }
    if (found) {
        found->references++;
        found->used = ++uses;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void tls_context_put(struct tls_context *context)
{
    pthread_mutex_lock(&lock);
    release(context);
    pthread_mutex_unlock(&lock);
}

SSL_CTX *tls_context_openssl(struct tls_context *context)
{
    return context->openssl;
}

static bool too_old(SSL_SESSION *session)
{
    const time_t age = time(NULL) - (time_t)SSL_SESSION_get_time(session);

    return age < 0 || age > TLS_SESSION_AGE || age > (time_t)SSL_SESSION_get_timeout(session);
}

SSL_SESSION *tls_session_take(struct tls_context *context, const char *key)
{
    struct kept_session *latest = NULL;
    SSL_SESSION *taken = NULL;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < TLS_SESSIONS_LIMIT; i++) {
        struct kept_session *kept = &context->session[i];

        if (kept->session && strcmp(kept->key, key) == 0 && (!latest || kept->order > latest->order))
            latest = kept;
    }
    if (latest) {
        taken = latest->session;
        if (SSL_SESSION_get_protocol_version(taken) >= TLS1_3_VERSION || too_old(taken))
            latest->session = NULL; /* our reference becomes the caller's */
        else
            SSL_SESSION_up_ref(taken);
        if (too_old(taken)) {
            SSL_SESSION_free(taken);
            taken = NULL;
        }
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void tls_session_keep(struct tls_context *context, const char *key, SSL_SESSION *session)
{
    struct kept_session *to = &context->session[0];

    if (strlen(key) >= TLS_SESSION_KEY_LIMIT)
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 1; i < TLS_SESSIONS_LIMIT && to->session; i++) {
        if (!context->session[i].session || context->session[i].order < to->order)
            to = &context->session[i];
    }
    SSL_SESSION_free(to->session);
    SSL_SESSION_up_ref(session);
    to->session = session;
    to->order = ++context->kept;
    memcpy(to->key, key, strlen(key) + 1);
    pthread_mutex_unlock(&lock);
}

void tls_warm_up(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context ? SSL_new(context) : NULL;
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

    if (ssl && in && out) {
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ssl, in, out);
        SSL_connect(ssl);
        in = out = NULL;
    }
    BIO_free(in);
    BIO_free(out);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
}
