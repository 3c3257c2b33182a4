/* A program that does TLS itself, with OpenSSL as most mail programs use it: blocking, with its defaults. */
#include <err.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

const bool channel_does_tls = true;

static SSL_CTX *context;
static bool resuming;
static SSL_SESSION *ticket; /* from the latest connection; TLS 1.3: used once */

static _Noreturn void fail(const char *what)
{
    ERR_print_errors_fp(stderr);
    errx(1, "%s", what);
}

static int keep_ticket(SSL *tls, SSL_SESSION *session)
{
    (void)tls;
    SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

void channels_start(const char *ca_file, bool resume)
{
    context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_file(context, ca_file) != 1)
        fail("cannot use the CA file");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    resuming = resume;
    if (resume) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_ticket);
    }
}

void channel_connect(struct channel *channel, const struct sockaddr_in *server)
{
    channel->tls = NULL;
    channel->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (channel->descriptor < 0 ||
        connect(channel->descriptor, (const struct sockaddr *)server, sizeof *server) != 0)
        err(1, "connect");
}

void channel_handshake(struct channel *channel)
{
    int on = 1; /* else the first command waits until the handshake's last flight is acknowledged */
    setsockopt(channel->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *tls = SSL_new(context);
    if (!tls || SSL_set_fd(tls, channel->descriptor) != 1 ||
        SSL_set_tlsext_host_name(tls, "localhost") != 1 || SSL_set1_host(tls, "localhost") != 1)
        fail("cannot prepare TLS");
    if (resuming && ticket)
        SSL_set_session(tls, ticket);
    if (SSL_connect(tls) != 1)
        fail("handshake");
    channel->tls = tls;
}

size_t channel_read(struct channel *channel, void *buffer, size_t size)
{
    int room = size > INT_MAX ? INT_MAX : (int)size;
    int length = channel->tls ? SSL_read(channel->tls, buffer, room)
                              : (int)read(channel->descriptor, buffer, (size_t)room);
    if (length <= 0)
        fail("read");
    return (size_t)length;
}

void channel_write(struct channel *channel, const void *bytes, size_t length)
{
    size_t written = 0;
    if (channel->tls) {
        if (SSL_write_ex(channel->tls, bytes, length, &written) != 1)
            fail("write");
    } else if (write(channel->descriptor, bytes, length) != (ssize_t)length) {
        err(1, "write");
    }
}

void channel_close(struct channel *channel)
{
    if (channel->tls)
        SSL_shutdown(channel->tls);
    SSL_free(channel->tls);
    close(channel->descriptor);
}
