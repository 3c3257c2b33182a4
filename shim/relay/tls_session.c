#include "relay/tls_session.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "relay/plain.h"

void tls_sessions_open(struct tls_sessions *sessions)
{
    memset(sessions, 0, sizeof *sessions);
    pthread_mutex_init(&sessions->lock, NULL);
}

static void drop(struct kept_session *kept)
{
    OPENSSL_clear_free(kept->bytes, kept->length);
    SSL_SESSION_free(kept->session); /* wipes it */
    kept->bytes = NULL;
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
    return !kept->bytes && !kept->session;
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

/* By the server's word (the wall clock is OpenSSL's), or by ours. */
static bool too_old(const SSL_SESSION *session, int64_t verified)
{
    const time_t age = time(NULL) - (time_t)SSL_SESSION_get_time(session);

    return age < 0 || age > (time_t)SSL_SESSION_get_timeout(session) ||
           plain_now() - verified > TLS_SESSION_AGE;
}

/* An object for the caller. */
static SSL_SESSION *take(struct kept_session *kept)
{
    const unsigned char *bytes = kept->bytes;
    SSL_SESSION *session = kept->session;

    if (!session)
        return d2i_SSL_SESSION(NULL, &bytes, (long)kept->length);
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

static bool serialize(struct kept_session *kept, SSL_SESSION *session)
{
    const int length = i2d_SSL_SESSION(session, NULL);
    unsigned char *to;

    if (length <= 0 || length > TLS_SESSION_SIZE)
        return false;
    kept->length = (size_t)length;
    kept->bytes = to = OPENSSL_malloc(kept->length);
    return to && i2d_SSL_SESSION(session, &to) == length;
}

void tls_session_keep(struct tls_sessions *sessions, const char *key, SSL_SESSION *session, int64_t verified)
{
    struct kept_session fresh = {.verified = verified};
    const bool once = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;

    if (once)
        fresh.session = session;
    if (strlen(key) < sizeof fresh.key && (once || serialize(&fresh, session))) {
        memcpy(fresh.key, key, strlen(key) + 1);
        keep(sessions, fresh);
    } else {
        drop(&fresh);
    }
}

void tls_sessions_settle(struct tls_sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    pthread_mutex_unlock(&sessions->lock);
}
