#include "relay/tls_bio.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "relay/tls.h"

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct tls *tls = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (tls->pumped && tls->dry) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        n = recv(tls->stream.fd, buffer, (size_t)size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        tls->dry = n < size && !tls->stream.ending;
    } else if (n == 0) {
        tls->eof = true;
    } else if (errno == EAGAIN) {
        tls->dry = true;
        tls->stream.ending = false;
        BIO_set_retry_read(bio);
    } else {
        tls->error = errno;
    }
    return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    struct tls *tls = BIO_get_data(bio);
    /* With more to come TCP need not send yet: where it cannot take all of it, it does all the same (tcp(7)).
     */
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (tls->more ? MSG_MORE : 0);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (tls->finished)
        return length; /* an answer to a KeyUpdate, say, that the server can do without: it got our end */
    do
        n = send(tls->stream.fd, bytes, (size_t)length, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    else if (n < 0)
        tls->error = errno;
    if (n < length)
        tls->stream.writable = false;
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls *tls = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return tls->eof;
    return command == BIO_CTRL_FLUSH; /* nothing is held back; no other control is ours */
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
