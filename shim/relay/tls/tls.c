#include "relay/tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/tls/roots.h"
#include "relay/tls/tls_bio.h"
#include "relay/tls/tls_client.h"
#include "relay/tls/tls_settings.h"
#include "relay/tls/tls_words.h"

enum { TWO_RECORDS = 2 * SSL3_RT_MAX_PLAIN_LENGTH }; /* bytes */

/* ---- what OpenSSL asks us ---- */

static int on_chain(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);

    (void)unused;
    tls->verified = plain_now(); /* not resumed: the server shows its certificate */
    return verify_chain(store, &tls->check);
}

/*
 * Offers the session to later connections as soon as it comes, while this connection goes on. A handshake
 * that went on only because of `testing` does not count as verified.
 */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_get_app_data(ssl);

    if (tls->session_key[0] && tls->check.why.kind == FAILURE_NONE)
        tls_session_keep(tls_context_sessions(tls->context), tls->session_key, session, tls->verified);
    return 0; /* the reference stays OpenSSL's */
}

void tls_prepare_context(SSL_CTX *context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL); /* at every level: on_chain() decides */
    SSL_CTX_set_cert_verify_callback(context, on_chain, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
}

/* ---- opening ---- */

/* RFC 6066, 3: a host name, never an address: the policy's, else the first name that is checked. */
static bool set_server_name(struct tls *tls, const struct settings *settings)
{
    struct reference named = {.is_address = true};

    if (settings->servername)
        reference_from(&named, settings->servername);
    else if (tls->references.count > 0)
        named = tls->references.item[0];
    return named.is_address || SSL_set_tlsext_host_name(tls->ssl, named.text) == 1;
}

/* A session is resumed only with the same server and for the same names (the context has the settings). */
static void make_session_key(struct tls *tls, const struct tls_peer *peer)
{
    const struct wire_address *a = peer->address;
    size_t used;

    used = (size_t)snprintf(tls->session_key, sizeof tls->session_key, "%s %u %u %s", tls->address, a->port,
                            a->scope, peer->settings->servername ? peer->settings->servername : "");
    for (uint32_t i = 0; i < tls->references.count && used < sizeof tls->session_key; i++)
        used += (size_t)snprintf(tls->session_key + used, sizeof tls->session_key - used, " %s",
                                 tls->references.item[i].text);
    if (used >= sizeof tls->session_key)
        tls->session_key[0] = '\0';
}

static void resume(struct tls *tls)
{
    SSL_SESSION *session = NULL;

    if (tls->session_key[0])
        session = tls_session_take(tls_context_sessions(tls->context), tls->session_key, &tls->verified);
    if (session)
        SSL_set_session(tls->ssl, session);
    SSL_SESSION_free(session);
}

static bool connection_over(struct tls *tls)
{
    BIO *bio;

    if (!SSL_set_app_data(tls->ssl, tls)) /* it needs memory */
        return false;
    bio = tls_bio_new(tls);
    if (!bio)
        return false;
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    return true;
}

static enum flow stream_read(struct stream *s, void *buffer, size_t size, size_t *count);
static enum flow stream_write(struct stream *s, const void *bytes, size_t length, size_t *count);
static enum flow stream_finish(struct stream *s);

bool tls_open(struct tls *tls, int fd, const struct tls_peer *peer, struct failure *why)
{
    memset(tls, 0, sizeof *tls);
    tls->stream = (struct stream){.read = stream_read,
                                  .write = stream_write,
                                  .finish = stream_finish,
                                  .fd = fd,
                                  .ready = {.readable = true, .writable = true},
                                  .end_silences = true};
    tls->check = (struct verification){.settings = peer->settings,
                                       .references = &tls->references,
                                       .server = peer->server,
                                       .address = tls->address};
    inet_ntop(peer->address->family, peer->address->bytes, tls->address, sizeof tls->address);
    if (!references_from(&tls->references, peer->settings, peer->asked) &&
        peer->settings->level == LEVEL_SECURE) {
        fail(peer->settings->testing ? &tls->check.why : why, FAILURE_NAME_MALFORMED, peer->server);
        if (!peer->settings->testing)
            return false;
    }
    tls->files = peer->files;
    if (!tls->files) {
        tls->files = &tls->own_files;
        files_of_settings(tls->files, peer->settings);
    }
    if (tls_learn_files(tls->files, peer->settings, peer->server, why))
        tls->context = tls_context_get(peer->settings, tls->files, peer->server, why);
    if (!tls->context) {
        files_end(&tls->own_files);
        return false;
    }
    ERR_clear_error();
    tls->ssl = SSL_new(tls_context_openssl(tls->context));
    if (!tls->ssl || !connection_over(tls) || !set_server_name(tls, peer->settings)) {
        fail(why, FAILURE_NO_MEMORY, peer->server);
    } else if (tls_apply_client_certificate(tls->ssl, peer->settings, tls->files, peer->server, why)) {
        make_session_key(tls, peer);
        resume(tls);
        return true;
    }
    ERR_clear_error();
    tls_close(tls);
    return false;
}

void tls_close(struct tls *tls)
{
    if (tls->context)
        tls_sessions_settle(tls_context_sessions(tls->context));
    if (tls->ssl)
        tls_client_forget(tls->ssl);
    SSL_free(tls->ssl);
    buffer_drop(&tls->gathered);
    if (tls->context)
        tls_context_put(tls->context);
    files_end(&tls->own_files);
    tls->ssl = NULL;
    tls->context = NULL;
}

/* ---- the handshake ---- */

/*
 * In a resumed session the server shows no certificate (RFC 5929 and the like aside): checks the one that the
 * session began with.
 */
static bool check_resumed(struct tls *tls, struct failure *why)
{
    X509 *certificate;

    if (!SSL_session_reused(tls->ssl))
        return true;
    certificate = SSL_get0_peer_certificate(tls->ssl);
    if (certificate && verify_resumed(certificate, &tls->check))
        return true;
    *why = tls->check.why;
    fail(why, FAILURE_TLS_OTHER, tls->check.server, "no certificate in the resumed session");
    return false;
}

static bool shake_hands(struct tls *tls, const struct plain *server, struct failure *why)
{
    int result;

    tls->deadline = server->deadline;
    while ((result = SSL_do_handshake(tls->ssl)) != 1) {
        const int error = SSL_get_error(tls->ssl, result);

        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
            if (plain_await(server, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, FAILURE_TLS_TIMEOUT,
                            why))
                continue;
        } else {
            tls_explain(tls, error, why);
        }
        tls->broken = true;
        return false;
    }
    tls_client_forget(tls->ssl); /* the private key has done its work */
    return check_resumed(tls, why);
}

bool tls_handshake(struct tls *tls, const struct plain *server, struct failure *why)
{
    bool good;

    roots_ask_for(tls->files);
    good = shake_hands(tls, server, why);
    roots_ask_for(NULL);
    return good;
}

/* ---- the stream ---- */

static enum flow stream_read(struct stream *s, void *buffer, size_t size, size_t *count)
{
    struct tls *tls = (struct tls *)s;
    enum flow flow;

    tls->pumped = true;
    tls->received = 0;
    if (s->ready.fresh)
        tls->dry = false;
    s->ready.fresh = false;
    s->read_needs_write = false;
    *count = 0;
    if (SSL_read_ex(tls->ssl, buffer, size, count)) {
        if (tls->dry && !SSL_has_pending(tls->ssl))
            s->ready.readable = false;
        return FLOW_MOVED;
    }
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        s->ready.readable = !tls->dry;
        return tls->dry ? FLOW_BLOCKED : FLOW_MOVED;
    case SSL_ERROR_WANT_WRITE:
        s->read_needs_write = true;
        return FLOW_BLOCKED;
    case SSL_ERROR_ZERO_RETURN:
        return FLOW_ENDED;
    default:
        flow = tls->eof && tls->error == 0 ? FLOW_TRUNCATED : FLOW_BROKEN;
        tls->broken = true;
        ERR_clear_error();
        return flow;
    }
}

static enum flow stream_write(struct stream *s, const void *bytes, size_t length, size_t *count)
{
    struct tls *tls = (struct tls *)s;
    int done;

    *count = 0;
    /*
     * A call writes one record (SSL_MODE_ENABLE_PARTIAL_WRITE), after the one that could not be written
     * before. Only a CBC cipher that gets the text of four records writes more at once (ssl3_write_bytes()).
     */
    tls->more = length > (tls->unwritten ? TWO_RECORDS : TWO_RECORDS / 2);
    done = SSL_write_ex(tls->ssl, bytes, length < TWO_RECORDS ? length : TWO_RECORDS, count);
    tls->more = false;
    tls->unwritten = !done;
    if (done)
        return FLOW_MOVED;
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_WRITE:
        s->ready.writable = false;
        return FLOW_BLOCKED;
    case SSL_ERROR_WANT_READ: /* cannot happen: without renegotiation no write waits for input */
    default:
        tls->broken = true;
        ERR_clear_error();
        return FLOW_BROKEN;
    }
}

static enum flow stream_finish(struct stream *s)
{
    struct tls *tls = (struct tls *)s;

    if (!tls->broken && !tls->finished) {
        const int result = SSL_shutdown(tls->ssl);

        if (result < 0 && SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_WRITE) {
            s->ready.writable = false;
            return FLOW_BLOCKED;
        }
        ERR_clear_error();
    }
    tls->finished = true;
    shutdown(s->fd, SHUT_WR);
    return FLOW_MOVED;
}

/* ---- the transport ---- */

static struct tls *tls_of(struct transport *t)
{
    const struct tls_transport *over = (struct tls_transport *)t;

    over->tls->pumped = false;
    over->tls->deadline = *over->deadline;
    return over->tls;
}

/* Turns the result of SSL_peek_ex() and its like into the transport's. */
static ssize_t outcome_of(struct tls *tls, bool done, size_t count)
{
    if (done)
        return (ssize_t)count;
    switch (SSL_get_error(tls->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        tls->broken = true;
        errno = tls->error ? tls->error : EPROTO;
        ERR_clear_error();
        return tls->eof ? 0 : -1;
    }
}

static ssize_t transport_peek(struct transport *t, void *buffer, size_t size)
{
    size_t count = 0;
    const bool done = SSL_peek_ex(tls_of(t)->ssl, buffer, size, &count) == 1;

    return outcome_of(tls_of(t), done, count);
}

static ssize_t transport_read(struct transport *t, void *buffer, size_t size)
{
    size_t count = 0;
    const bool done = SSL_read_ex(tls_of(t)->ssl, buffer, size, &count) == 1;

    return outcome_of(tls_of(t), done, count);
}

static ssize_t transport_write(struct transport *t, const void *bytes, size_t length)
{
    size_t count = 0;
    const bool done = SSL_write_ex(tls_of(t)->ssl, bytes, length, &count) == 1;

    return outcome_of(tls_of(t), done, count);
}

static bool transport_pending(struct transport *t)
{
    return SSL_pending(tls_of(t)->ssl) > 0;
}

void transport_over_tls(struct tls_transport *t, struct tls *tls, const int64_t *deadline)
{
    *t = (struct tls_transport){.transport = {.peek = transport_peek,
                                              .read = transport_read,
                                              .write = transport_write,
                                              .pending = transport_pending,
                                              .descriptor = tls->stream.fd},
                                .tls = tls,
                                .deadline = deadline};
}
