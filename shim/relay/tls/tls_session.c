#include "relay/tls/tls_session.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "relay/protocol/plain.h"

void tls_sessions_open(struct tls_sessions *sessions)
{
    memset(sessions, 0, sizeof *sessions);
    pthread_mutex_init(&sessions->lock, NULL);
}

static void drop(struct kept_session *kept)
{
    SSL_SESSION_free(kept->session); /* wipes it */
    kept->session = NULL;
}

void tls_sessions_close(struct tls_sessions *sessions)
{
    for (size_t i = 0; i < TLS_SESSIONS_LIMIT; i++)
        drop(&sessions->item[i]);
    pthread_mutex_destroy(&sessions->lock);
}

static bool is_free(const struct kept_session *kept)
{
    return !kept->session;
}

static struct kept_session *latest(struct tls_sessions *sessions, const char *key)
{
    struct kept_session *found = NULL;

    for (size_t i = 0; i < TLS_SESSIONS_LIMIT; i++) {
        struct kept_session *kept = &sessions->item[i];

        if (!is_free(kept) && strcmp(kept->key, key) == 0 && (!found || kept->order > found->order))
            found = kept;
    }
    return found;
}

static time_t issued(const SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L /* new in 3.3; 3.4 deprecates the other */
    return SSL_SESSION_get_time_ex(session);
#else
    return (time_t)SSL_SESSION_get_time(session);
#endif
}

/* Whether the session is older than the server allows (OpenSSL uses the wall clock), or than we do. */
static bool too_old(const SSL_SESSION *session, int64_t verified)
{
    const time_t age = time(NULL) - issued(session);

    return age < 0 || age > (time_t)SSL_SESSION_get_timeout(session) ||
           plain_now() - verified > TLS_SESSION_AGE;
}

/*
 * An object for the caller. A TLS 1.3 session is taken out of the store (RFC 8446, C.4: a ticket is used
 * once).
 */
static SSL_SESSION *take(struct kept_session *kept)
{
    SSL_SESSION *session = kept->session;

    if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION)
        return SSL_SESSION_dup(session);
    kept->session = NULL;
    return session;
}

SSL_SESSION *tls_session_take(struct tls_sessions *sessions, const char *key, int64_t *verified)
{
    SSL_SESSION *session = NULL;
    struct kept_session *kept;

    pthread_mutex_lock(&sessions->lock);
    kept = latest(sessions, key);
    if (kept) {
        session = take(kept);
        *verified = kept->verified;
        if (!session || too_old(session, kept->verified))
            drop(kept);
    }
    pthread_mutex_unlock(&sessions->lock);
    if (session && too_old(session, *verified)) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    return session;
}

static void keep(struct tls_sessions *sessions, struct kept_session fresh)
{
    struct kept_session *to = &sessions->item[0];

    pthread_mutex_lock(&sessions->lock);
    for (size_t i = 1; i < TLS_SESSIONS_LIMIT && !is_free(to); i++) {
        if (is_free(&sessions->item[i]) || sessions->item[i].order < to->order)
            to = &sessions->item[i];
    }
    drop(to);
    fresh.order = ++sessions->kept;
    *to = fresh;
    pthread_mutex_unlock(&sessions->lock);
}

void tls_session_keep(struct tls_sessions *sessions, const char *key, SSL_SESSION *session, int64_t verified)
{
    struct kept_session fresh = {.verified = verified};

    if (strlen(key) >= sizeof fresh.key || !(fresh.session = SSL_SESSION_dup(session)))
        return;
    memcpy(fresh.key, key, strlen(key) + 1);
    keep(sessions, fresh);
}

void tls_sessions_settle(struct tls_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    pthread_mutex_unlock(&sessions->lock);
}
