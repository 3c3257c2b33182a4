#include "check/implicit.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/tcp.h"
#include "wire/greeting.h"

/* Content types of a TLS record, and the major version of all of them (RFC 8446, 5.1). */
enum { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_MAJOR = 3 };

enum { HELLO_LIMIT = 4096 };

/* Has OpenSSL write a ClientHello into memory. Returns its length; 0: none. */
static size_t client_hello(char hello[HELLO_LIMIT], const char *host)
{
    SSL_CTX *const context = SSL_CTX_new(TLS_client_method());
    SSL *const ssl = context ? SSL_new(context) : NULL;
    BIO *const in = BIO_new(BIO_s_mem()), *const out = BIO_new(BIO_s_mem());
    int length = 0;

    if (ssl && in && out && (!host || SSL_set_tlsext_host_name(ssl, host) == 1)) {
        SSL_set0_rbio(ssl, in);
        SSL_set0_wbio(ssl, out);
        SSL_connect(ssl); /* stops after its first message, because there is nothing to read */
        length = BIO_read(out, hello, HELLO_LIMIT);
    } else {
        BIO_free(in);
        BIO_free(out);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return length > 0 ? (size_t)length : 0;
}

/* An alert is an answer too: the server may want another name or version. */
static bool reads_as_tls(int fd)
{
    unsigned char record[2];

    return recv(fd, record, sizeof record, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof record &&
           (record[0] == RECORD_HANDSHAKE || record[0] == RECORD_ALERT) && record[1] == RECORD_MAJOR;
}

static bool answers_tls(const struct wire_address *target, const char *host)
{
    char hello[HELLO_LIMIT];
    const size_t length = client_hello(hello, host);
    bool answers;
    int fd;

    if (length == 0 || tcp_connect(target, TLS_ANSWER, &fd) != 0)
        return false;
    answers = send(fd, hello, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length &&
              tcp_speaks(fd, TLS_ANSWER) && reads_as_tls(fd);
    close(fd);
    return answers;
}

bool implicit_expected(int fd, const struct wire_address *target, const char *host)
{
    return target->port != 25 && !tcp_speaks(fd, SILENCE_TRIES_TLS) && answers_tls(target, host) &&
           !tcp_speaks(fd, 0);
}

const char *implicit_protocol(struct negotiation *n)
{
    struct failure why = {.kind = FAILURE_NONE};
    enum protocol_kind protocol;
    char line[LINE_LIMIT];
    ssize_t length;

    n->server.deadline = plain_now() + TLS_GREETING;
    length = plain_read_line(&n->server, line, &why);
    if (length < 0 || (size_t)length + 2 > sizeof line)
        return NULL;
    memcpy(line + length, "\r\n", 2);
    protocol = greeting_protocol(line, (size_t)length + 2, GREETING_UNNAMED);
    return protocol != PROTOCOL_AUTO ? protocol_kind_name(protocol) : NULL;
}
