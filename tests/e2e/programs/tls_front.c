/*
 * A TLS server in front of every port. It accepts what the kernel diverts to it (TPROXY) under the address
 * that was meant, connects to that address itself, and moves the bytes, with TLS on this side and unchanged
 * on the other. What one end does is done to the other: an end of the stream, separately in each direction,
 * and a reset. Before TLS is up, an end of the TCP stream is clean too: a client that has nothing to say may
 * close.
 *
 *     tls_front CERTIFICATE KEY        prints "PORT4 PORT6" on standard output, and serves until it is killed
 *
 * Its own connections carry the mark 1, so that the kernel leaves them alone. It reports a connection that
 * does not begin with TLS on standard error: something reached the network in the clear.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MARK = 1, ROOM = 1 << 16 };

static SSL_CTX *context;

/*
 * One direction: the bytes read and not yet written, whether its end was read, and whether it was passed on.
 */
struct way {
    char bytes[ROOM];
    size_t begin, end;
    bool read_all, told;
};

struct pair {
    int tls_fd, plain;
    SSL *ssl;
    bool reset; /* one side was cut off */
    bool read_wants_write, write_wants_read;
    struct way up, down;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void cut(int fd)
{
    const struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* True if the call must just be made again. */
static bool blocked(struct pair *p, int result, bool reading)
{
    switch (SSL_get_error(p->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        p->write_wants_read = !reading;
        return true;
    case SSL_ERROR_WANT_WRITE:
        p->read_wants_write = reading;
        return true;
    default:
        return false;
    }
}

static void from_tls(struct pair *p)
{
    int n;

    p->read_wants_write = false;
    if (p->up.read_all || p->up.end > 0)
        return;
    n = SSL_read(p->ssl, p->up.bytes, ROOM);
    if (n > 0)
        p->up.end = (size_t)n;
    else if (!blocked(p, n, true)) {
        p->up.read_all = true;
        p->reset = p->reset || SSL_get_error(p->ssl, n) != SSL_ERROR_ZERO_RETURN;
    }
}

static void to_tls(struct pair *p)
{
    int n;

    p->write_wants_read = false;
    while (p->down.begin < p->down.end) {
        n = SSL_write(p->ssl, p->down.bytes + p->down.begin, (int)(p->down.end - p->down.begin));
        if (n <= 0) {
            p->reset = p->reset || !blocked(p, n, false);
            return;
        }
        p->down.begin += (size_t)n;
    }
    p->down.begin = p->down.end = 0;
    if (p->down.read_all && !p->down.told && !p->reset) {
        p->down.told = true;
        SSL_shutdown(p->ssl);
        shutdown(p->tls_fd, SHUT_WR);
    }
}

static void from_plain(struct pair *p)
{
    ssize_t n;

    if (p->down.read_all || p->down.end > 0)
        return;
    n = recv(p->plain, p->down.bytes, ROOM, MSG_DONTWAIT);
    if (n > 0)
        p->down.end = (size_t)n;
    else if (n == 0)
        p->down.read_all = true;
    else if (errno != EAGAIN)
        p->reset = true;
}

static void to_plain(struct pair *p)
{
    while (p->up.begin < p->up.end) {
        const ssize_t n =
            send(p->plain, p->up.bytes + p->up.begin, p->up.end - p->up.begin, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0) {
            p->reset = p->reset || errno != EAGAIN;
            return;
        }
        p->up.begin += (size_t)n;
    }
    p->up.begin = p->up.end = 0;
    if (p->up.read_all && !p->up.told && !p->reset) {
        p->up.told = true;
        shutdown(p->plain, SHUT_WR);
    }
}

static void await(struct pair *p)
{
    struct pollfd polled[2] = {{.fd = p->tls_fd}, {.fd = p->plain}};

    if ((!p->up.read_all && p->up.end == 0 && !p->read_wants_write) || p->write_wants_read)
        polled[0].events |= POLLIN;
    if (p->down.begin < p->down.end || p->read_wants_write)
        polled[0].events |= POLLOUT;
    if (!p->down.read_all && p->down.end == 0)
        polled[1].events |= POLLIN;
    if (p->up.begin < p->up.end)
        polled[1].events |= POLLOUT;
    for (int i = 0; i < 2; i++) /* POLLHUP comes unasked, so poll() would not wait */
        if (polled[i].events == 0 &&
            (i == 0 ? p->down.told && p->up.read_all : p->up.told && p->down.read_all))
            polled[i].fd = -1;
    poll(polled, 2, -1);
    /* A reset must be seen even if we read nothing. */
    for (int i = 0; i < 2; i++)
        if (polled[i].fd >= 0 && polled[i].revents & POLLERR && polled[i].events == 0)
            p->reset = true;
}

static bool done(const struct pair *p)
{
    return p->reset || (p->up.told && p->down.told);
}

static void move(struct pair *p)
{
    while (!done(p)) {
        from_tls(p);
        to_plain(p);
        from_plain(p);
        to_tls(p);
        if (done(p))
            break;
        if (p->up.end == 0 && !p->up.read_all && SSL_pending(p->ssl) > 0)
            continue;
        await(p);
    }
    if (p->reset) {
        cut(p->plain);
        cut(p->tls_fd);
    }
}

/* Connects to the address that the program meant, under which the connection was accepted. */
static int connect_on(int accepted)
{
    const int one = 1, mark = MARK;
    struct sockaddr_storage meant;
    socklen_t length = sizeof meant;
    int fd;

    if (getsockname(accepted, (struct sockaddr *)&meant, &length) != 0)
        return -1;
    fd = socket(meant.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
        connect(fd, (struct sockaddr *)&meant, length) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool begins_tls(int fd)
{
    char first;
    const ssize_t n = recv(fd, &first, 1, MSG_PEEK);

    if (n == 1 && first != 0x16)
        fprintf(stderr, "in the clear: a connection that begins with byte %#x\n", (unsigned char)first);
    return n == 1 && first == 0x16;
}

/*
 * True if SSL_accept() failed because the client ended TCP, not because of an alert or of bytes that are not
 * TLS. An end can be read even after a reset (tcp_fin() sets SOCK_DONE, which tcp_recvmsg_locked() checks
 * before sk_err): the client had closed, and our next bytes found nobody.
 */
static bool ended_early(const struct pair *p, int result)
{
    char byte;

    return (SSL_get_error(p->ssl, result) == SSL_ERROR_SYSCALL ||
            ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) &&
           recv(p->tls_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* False if the client counts as cut off. True if it has ended, or goes on over TLS. */
static bool accept_tls(struct pair *p)
{
    char byte;
    int result;

    if (recv(p->tls_fd, &byte, 1, MSG_PEEK) == 0)
        return true;
    if (!begins_tls(p->tls_fd))
        return false;
    SSL_set_fd(p->ssl, p->tls_fd);
    result = SSL_accept(p->ssl);
    return result == 1 || ended_early(p, result);
}

static void *serve(void *argument)
{
    struct pair *p = calloc(1, sizeof *p);
    const int one = 1;

    if (!p)
        die("calloc");
    p->tls_fd = (int)(intptr_t)argument;
    setsockopt(p->tls_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    p->plain = connect_on(p->tls_fd);
    p->ssl = SSL_new(context);
    if (p->plain >= 0 && p->ssl && accept_tls(p)) {
        if (SSL_is_init_finished(p->ssl)) {
            fcntl(p->tls_fd, F_SETFL, O_NONBLOCK);
            move(p);
        }
    } else if (p->plain >= 0) {
        cut(p->plain);
    } else {
        cut(p->tls_fd);
    }
    SSL_free(p->ssl);
    if (p->plain >= 0)
        close(p->plain);
    close(p->tls_fd);
    free(p);
    return NULL;
}

static _Noreturn void accept_all(int listener)
{
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_attr_t apart;
        pthread_t thread;

        if (fd < 0)
            continue;
        pthread_attr_init(&apart);
        pthread_attr_setdetachstate(&apart, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&apart, 1 << 18);
        if (pthread_create(&thread, &apart, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
        pthread_attr_destroy(&apart);
    }
}

static void *accept_all_there(void *argument)
{
    accept_all((int)(intptr_t)argument);
}

static int listen_at(int family, uint16_t *port)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in6 at = {.sin6_family = (sa_family_t)family}; /* sockaddr_in has the same beginning */
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof at;

    *port = 0;
    if (fd < 0)
        return -1;
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                   family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&at, length) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) != 0)
        die("listen");
    *port = ntohs(at.sin6_port);
    return fd;
}

int main(int argc, char **argv)
{
    uint16_t ports[2];
    int listener, listener6;
    pthread_t other;

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        die("certificate");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    listener = listen_at(AF_INET, &ports[0]);
    listener6 = listen_at(AF_INET6, &ports[1]);
    printf("%u %u\n", ports[0], ports[1]);
    fflush(stdout);
    if (listener6 >= 0 && pthread_create(&other, NULL, accept_all_there, (void *)(intptr_t)listener6) != 0)
        die("pthread_create");
    accept_all(listener);
}
