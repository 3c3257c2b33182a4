/*
 * The bench server: as much of an IMAP server as the load client uses, with one thread per connection, able
 * to send bulk at the speed of the machine.
 *
 *   server CERTIFICATE KEY ADDRESS STARTTLS-PORT IMPLICIT-PORT NO-TICKETS-PORT
 *
 * The first port speaks plaintext and offers STARTTLS, the second speaks TLS from the first byte, and the
 * third is like the first but issues no session tickets. It prints "ready" when it listens, and ends when its
 * standard input does.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 4096, BULK = 1 << 17, BACKLOG = 1024, STACK = 1 << 19 };

struct port {
    int listener;
    SSL_CTX *context;
    bool implicit;
};

struct peer {
    const struct port *port;
    int descriptor;
    SSL *tls;
    size_t start, end; /* of the bytes read but not used */
    char buffer[BULK];
};

static char bulk[BULK]; /* every message is made of this */

static bool fill(struct peer *peer)
{
    size_t length = 0;
    if (peer->tls) {
        if (SSL_read_ex(peer->tls, peer->buffer, BULK, &length) != 1)
            return false;
    } else {
        ssize_t got = read(peer->descriptor, peer->buffer, BULK);
        if (got <= 0)
            return false;
        length = (size_t)got;
    }
    peer->start = 0;
    peer->end = length;
    return true;
}

static bool read_line(struct peer *peer, char line[LINE])
{
    for (size_t length = 0; length < LINE; length++) {
        if (peer->start == peer->end && !fill(peer))
            return false;
        line[length] = peer->buffer[peer->start++];
        if (line[length] == '\n') {
            line[length > 0 && line[length - 1] == '\r' ? length - 1 : length] = 0;
            return true;
        }
    }
    return false;
}

static bool skip(struct peer *peer, size_t bytes)
{
    while (bytes > 0) {
        if (peer->start == peer->end && !fill(peer))
            return false;
        size_t piece = peer->end - peer->start < bytes ? peer->end - peer->start : bytes;
        peer->start += piece;
        bytes -= piece;
    }
    return true;
}

static bool send_all(struct peer *peer, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t written = 0;
        if (peer->tls) {
            if (SSL_write_ex(peer->tls, bytes, length, &written) != 1 ||
                BIO_flush(SSL_get_wbio(peer->tls)) != 1)
                return false;
        } else {
            ssize_t sent = send(peer->descriptor, bytes, length, MSG_NOSIGNAL);
            if (sent < 0)
                return false;
            written = (size_t)sent;
        }
        bytes += written;
        length -= written;
    }
    return true;
}

static bool say(struct peer *peer, const char *words)
{
    return send_all(peer, words, strlen(words));
}

/* Gathers records, so that one system call sends everything from one send_all(). */
static bool start_tls(struct peer *peer)
{
    BIO *socket = BIO_new_socket(peer->descriptor, BIO_NOCLOSE), *gather = BIO_new(BIO_f_buffer());
    peer->tls = SSL_new(peer->port->context);
    if (!socket || !gather || !peer->tls || BIO_set_write_buffer_size(gather, BULK + BULK / 8) != 1)
        errx(1, "cannot prepare TLS");
    BIO_up_ref(socket);
    SSL_set_bio(peer->tls, socket, BIO_push(gather, socket));
    return SSL_accept(peer->tls) == 1;
}

/* FETCH BYTES BODY[]: the head, the message and the tagged OK are sent together if they are short. */
static bool fetch(struct peer *peer, const char *tag, size_t bytes)
{
    char head[64], tail[64];
    snprintf(head, sizeof head, "* 1 FETCH (BODY[] {%zu}\r\n", bytes);
    snprintf(tail, sizeof tail, ")\r\n%.32s OK\r\n", tag);
    if (!say(peer, head))
        return false;
    for (size_t left = bytes; left > 0;) {
        size_t piece = left < BULK ? left : BULK;
        if (!send_all(peer, bulk, piece))
            return false;
        left -= piece;
    }
    return say(peer, tail);
}

/* Obeys one command. False if the connection is over. */
static bool obey(struct peer *peer, char *line)
{
    char reply[LINE + 64];
    char *rest = line;
    const char *tag = strsep(&rest, " ");
    const char *command = rest ? strsep(&rest, " ") : "";
    if (strcmp(command, "NOOP") == 0) { /* the reply is as long as the command: "OK" and its padding */
        snprintf(reply, sizeof reply, "%s OK%s%s\r\n", tag, rest ? " xx" : "", rest && *rest ? rest : "");
        return say(peer, reply);
    }
    if (strcmp(command, "FETCH") == 0 && rest)
        return fetch(peer, tag, strtoul(rest, NULL, 10));
    const char *literal = rest ? strchr(rest, '{') : NULL;
    if (strcmp(command, "APPEND") == 0 && literal) {
        if (!say(peer, "+ go on\r\n") || !skip(peer, strtoul(literal + 1, NULL, 10) + 2))
            return false;
    } else if (strcmp(command, "CAPABILITY") == 0) {
        if (!say(peer, peer->tls ? "* CAPABILITY IMAP4rev1\r\n" : "* CAPABILITY IMAP4rev1 STARTTLS\r\n"))
            return false;
    } else if (strcmp(command, "LOGOUT") == 0) {
        snprintf(reply, sizeof reply, "* BYE\r\n%s OK\r\n", tag);
        say(peer, reply);
        return false;
    } else if (strcmp(command, "STARTTLS") == 0 && !peer->tls) {
        snprintf(reply, sizeof reply, "%s OK\r\n", tag);
        return say(peer, reply) && start_tls(peer);
    }
    snprintf(reply, sizeof reply, "%s OK\r\n", tag);
    return say(peer, reply);
}

static void *serve(void *argument)
{
    struct peer *peer = argument;
    char line[LINE];
    if ((!peer->port->implicit || start_tls(peer)) &&
        say(peer, "* OK [CAPABILITY IMAP4rev1 STARTTLS] bench\r\n"))
        while (read_line(peer, line) && obey(peer, line))
            ;
    if (peer->tls)
        SSL_shutdown(peer->tls);
    SSL_free(peer->tls);
    ERR_clear_error();
    close(peer->descriptor);
    free(peer);
    return NULL;
}

static void *take(void *argument)
{
    const struct port *port = argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    for (;;) {
        struct peer *peer = malloc(sizeof *peer);
        pthread_t thread;
        if (!peer)
            err(1, "malloc");
        peer->port = port;
        peer->tls = NULL;
        peer->start = peer->end = 0;
        peer->descriptor = accept(port->listener, NULL, NULL);
        int on = 1;
        setsockopt(peer->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (peer->descriptor < 0 || pthread_create(&thread, &attributes, serve, peer) != 0)
            err(1, "accept");
    }
    return NULL;
}

static SSL_CTX *make_context(const char *certificate, const char *key, bool tickets)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        errx(1, "cannot use the certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (!tickets) {
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BULK);
    return context;
}

static int listen_on(const char *address, const char *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (inet_pton(AF_INET, address, &name.sin_addr) != 1 ||
        bind(listener, (const struct sockaddr *)&name, sizeof name) != 0 || listen(listener, BACKLOG) != 0)
        err(1, "cannot listen on %s port %s", address, port);
    return listener;
}

int main(int count, char **arguments)
{
    if (count != 7)
        errx(2, "usage: server CERTIFICATE KEY ADDRESS STARTTLS-PORT IMPLICIT-PORT NO-TICKETS-PORT");
    signal(SIGPIPE, SIG_IGN);
    memset(bulk, 'm', sizeof bulk);
    SSL_CTX *tickets = make_context(arguments[1], arguments[2], true);
    SSL_CTX *no_tickets = make_context(arguments[1], arguments[2], false);
    struct port ports[] = {
        {listen_on(arguments[3], arguments[4]), tickets, false},
        {listen_on(arguments[3], arguments[5]), tickets, true},
        {listen_on(arguments[3], arguments[6]), no_tickets, false},
    };
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, take, &ports[i]) != 0)
            err(1, "pthread_create");
    }
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
