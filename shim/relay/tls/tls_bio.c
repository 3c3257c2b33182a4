#include "relay/tls/tls_bio.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "monitor/heap.h"
#include "relay/tls/tls.h"

enum { GATHERED = 4 * SSL3_RT_MAX_ENCRYPTED_LENGTH }; /* bytes that wait for the record after them, at most */

/*
 * Whether to tell OpenSSL to come back later. It goes on reading as long as it gets no data, only
 * HelloRequests or KeyUpdates; data ends a read.
 */
static bool is_to_wait(const struct tls *tls)
{
    return tls->pumped ? tls->dry || tls->received >= HEAP_READ_BUFFER : plain_now() >= tls->deadline;
}

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct tls *tls = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (is_to_wait(tls)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        n = recv(tls->stream.fd, buffer, (size_t)size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        tls->dry = n < size && !tls->stream.ready.ending;
        tls->received += (size_t)n;
        heap_received(buffer + n);
    } else if (n == 0) {
        tls->eof = true;
    } else if (errno == EAGAIN) {
        tls->dry = true;
        tls->stream.ready.ending = false;
        BIO_set_retry_read(bio);
    } else {
        tls->error = tls->stream.error = errno;
    }
    return (int)n;
}

/* Keeps a record for the next write. False if there is no room: send it then. */
static bool gather(struct tls *tls, const char *bytes, size_t length)
{
    return buffer_used(&tls->gathered) + length <= GATHERED && buffer_append(&tls->gathered, bytes, length);
}

static void sent(struct buffer *gathered, size_t count)
{
    buffer_take(gathered, count);
    if (buffer_used(gathered) > 0)
        return;
    gathered->mark = 0; /* encrypted bytes need no wiping */
    buffer_rest(gathered);
}

/* Sends what was gathered, then `bytes`; returns how many of the latter were taken, or -1. */
static ssize_t send_both(struct tls *tls, const char *bytes, size_t length)
{
    const size_t before = buffer_used(&tls->gathered);
    /* NULL + 0 is undefined in C17 (6.5.6). */
    void *const first = before > 0 ? tls->gathered.bytes + tls->gathered.begin : NULL;
    struct iovec parts[2] = {{first, before}, {(void *)(uintptr_t)bytes, length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;

    do
        n = sendmsg(tls->stream.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    sent(&tls->gathered, (size_t)n < before ? (size_t)n : before);
    if ((size_t)n > before)
        return n - (ssize_t)before;
    errno = EAGAIN;
    return -1;
}

/*
 * Whether the socket's send buffer, as the program has set it (SO_SNDBUF), is smaller than what we may
 * gather. A write then stops where the buffer is full, as often as not at the end of a segment. Such a
 * segment has no PSH (net/ipv4/tcp.c, tcp_push_one()), so the server's TCP delays its acknowledgement by 40
 * ms, and nothing more fits until then. A record sent alone ends in a segment that is acknowledged as soon as
 * it is read.
 */
static bool is_tight(int fd)
{
    int size = 0;
    socklen_t length = sizeof size;

    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0 && size < GATHERED;
}

/*
 * Sends consecutive records in one system call. After a record with `more` the pump writes the next one at
 * once, and while OpenSSL still has that one to write, nothing that was gathered is lost.
 */
static int bio_write(BIO *bio, const char *bytes, int length)
{
    struct tls *tls = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (tls->finished)
        return length; /* an answer to a KeyUpdate, say: the server has our end and needs no more */
    if (tls->more && !tls->tight && gather(tls, bytes, (size_t)length))
        return length;
    n = send_both(tls, bytes, (size_t)length);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    else if (n < 0)
        tls->error = tls->stream.error = errno;
    if (n < length) {
        tls->stream.ready.writable = false;
        tls->tight = is_tight(tls->stream.fd);
    }
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls *tls = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return tls->eof;
    return command == BIO_CTRL_FLUSH; /* nothing to flush; no other control is supported */
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "retrotls socket");
    if (!method)
        return;
    BIO_meth_set_create(method, bio_create);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
}

BIO *tls_bio_new(struct tls *tls)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (bio)
        BIO_set_data(bio, tls);
    return bio;
}
