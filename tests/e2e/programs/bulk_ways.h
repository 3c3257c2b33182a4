/*
 * The calls that bulk.c moves bytes by. Each moves some of what is left of the text from `at` on, and returns
 * how much, or -1 with errno.
 */
#ifndef RETROTLS_TESTS_E2E_BULK_WAYS_H
#define RETROTLS_TESTS_E2E_BULK_WAYS_H

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_ZEROCOPY
#    define MSG_ZEROCOPY 0x4000000
#endif

enum { PIECE = 200 * 1000, PIPE = 1 << 20 };

/* bulk.c's */
static const char *text; /* the file's */
static size_t size;
static int file, fd;
static void die(const char *what);
static bool blocks(void);

/* ---- up: each sends some of what is left from `at` on ---- */

static int pipes[2], other[2]; /* a pipe, and one for tee(2) */
static size_t piped, teed;     /* bytes that are in them */

static size_t part(size_t at, size_t most)
{
    return size - at < most ? size - at : most;
}

static ssize_t up_write(size_t at)
{
    return write(fd, text + at, part(at, PIECE));
}

static struct iovec vector[3];

static int pieces(size_t at)
{
    const size_t count = part(at, PIECE), third = count / 3;

    vector[0] = (struct iovec){(void *)(uintptr_t)(text + at), third};
    vector[1] = (struct iovec){(void *)(uintptr_t)(text + at + third), third};
    vector[2] = (struct iovec){(void *)(uintptr_t)(text + at + 2 * third), count - 2 * third};
    return 3;
}

static ssize_t up_writev(size_t at)
{
    return writev(fd, vector, pieces(at));
}

static ssize_t up_pwritev2(size_t at)
{
    return pwritev2(fd, vector, pieces(at), -1, 0);
}

static ssize_t up_send(size_t at)
{
    return send(fd, text + at, part(at, PIECE), 0);
}

static ssize_t up_more(size_t at)
{
    return send(fd, text + at, part(at, PIECE), at + PIECE < size ? MSG_MORE : 0);
}

static ssize_t up_zerocopy(size_t at)
{
    return send(fd, text + at, part(at, PIECE), MSG_ZEROCOPY);
}

static ssize_t up_sendto(size_t at)
{
    return sendto(fd, text + at, part(at, PIECE), 0, NULL, 0);
}

static ssize_t up_sendmsg(size_t at)
{
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)pieces(at)};

    return sendmsg(fd, &message, 0);
}

static ssize_t up_sendmmsg(size_t at)
{
    struct mmsghdr messages[3] = {0};
    ssize_t sent = 0;
    int count;

    pieces(at);
    for (int i = 0; i < 3; i++) {
        messages[i].msg_hdr.msg_iov = &vector[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    count = sendmmsg(fd, messages, 3, 0);
    /* What comes behind a message that was sent in part is sent again. */
    for (int i = 0; i < count; i++) {
        sent += (ssize_t)messages[i].msg_len;
        if (messages[i].msg_len < vector[i].iov_len) {
            if (i < count - 1)
                die("sendmmsg goes on behind a part");
            break;
        }
    }
    return count < 0 ? -1 : sent;
}

static ssize_t up_sendfile(size_t at)
{
    off_t offset = (off_t)at;
    const ssize_t sent = sendfile(fd, file, &offset, part(at, 4 * PIPE));

    if (sent > 0 && offset != (off_t)at + sent)
        die("sendfile's offset");
    return sent;
}

static ssize_t from_pipe(int end, size_t *filled)
{
    const ssize_t sent = splice(end, NULL, fd, NULL, *filled, 0);

    if (sent > 0)
        *filled -= (size_t)sent;
    return sent;
}

static ssize_t up_splice(size_t at)
{
    off64_t offset = (off64_t)at; /* splice(2)'s, whatever off_t is */
    ssize_t n;

    if (piped == 0) {
        if ((n = splice(file, &offset, pipes[1], NULL, part(at, PIPE), 0)) <= 0)
            die("splice from the file");
        piped = (size_t)n;
    }
    return from_pipe(pipes[0], &piped);
}

static ssize_t up_vmsplice(size_t at)
{
    struct iovec all = {(void *)(uintptr_t)(text + at), part(at, PIPE)};
    ssize_t n;

    if (piped == 0) {
        if ((n = vmsplice(pipes[1], &all, 1, 0)) <= 0)
            die("vmsplice");
        piped = (size_t)n;
    }
    return from_pipe(pipes[0], &piped);
}

static ssize_t up_tee(size_t at)
{
    static char away[PIPE];
    ssize_t n;

    if (teed == 0) {
        if ((n = write(other[1], text + at, part(at, PIPE / 4))) <= 0)
            die("write to a pipe");
        if (tee(other[0], pipes[1], (size_t)n, 0) != n || read(other[0], away, (size_t)n) != n)
            die("tee");
        teed = (size_t)n;
    }
    return from_pipe(pipes[0], &teed);
}

static ssize_t up_stdio(size_t at)
{
    static FILE *stream;

    if (!stream && !(stream = fdopen(dup(fd), "w")))
        die("fdopen");
    if (fwrite(text + at, 1, part(at, 10000), stream) != part(at, 10000))
        return -1;
    if (at + 10000 >= size) {
        if (fclose(stream) != 0)
            return -1;
        stream = NULL;
    }
    return (ssize_t)part(at, 10000);
}

static ssize_t complete(struct aiocb *request, int (*start)(struct aiocb *))
{
    const struct aiocb *const list[] = {request};

    if (start(request) != 0 || aio_suspend(list, 1, NULL) != 0)
        return -1;
    errno = aio_error(request);
    return aio_return(request);
}

static ssize_t up_aio(size_t at)
{
    struct aiocb request = {
        .aio_fildes = fd, .aio_buf = (void *)(uintptr_t)(text + at), .aio_nbytes = part(at, PIECE)};

    return complete(&request, aio_write);
}

/* ---- down ---- */

static char got[PIPE];

static ssize_t down_read(size_t at)
{
    return read(fd, got, part(at, sizeof got));
}

static int room(size_t at)
{
    const size_t count = part(at, sizeof got), third = count / 3;

    vector[0] = (struct iovec){got, third};
    vector[1] = (struct iovec){got + third, third};
    vector[2] = (struct iovec){got + 2 * third, count - 2 * third};
    return 3;
}

static ssize_t down_readv(size_t at)
{
    return readv(fd, vector, room(at));
}

static ssize_t down_preadv2(size_t at)
{
    return preadv2(fd, vector, room(at), -1, 0);
}

static ssize_t down_recv(size_t at)
{
    return recv(fd, got, part(at, sizeof got), 0);
}

static ssize_t down_recvfrom(size_t at)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;

    return recvfrom(fd, got, part(at, sizeof got), 0, (struct sockaddr *)&from, &length);
}

static ssize_t down_recvmsg(size_t at)
{
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = (size_t)room(at)};

    return recvmsg(fd, &message, 0);
}

static ssize_t down_recvmmsg(size_t at)
{
    struct iovec all = {got, part(at, sizeof got)};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &all, .msg_iovlen = 1}};
    const int count = recvmmsg(fd, &message, 1, MSG_WAITFORONE, NULL);

    return count == 1 ? (ssize_t)message.msg_len : count;
}

static ssize_t down_waitall(size_t at)
{
    const size_t count = part(at, 50000);
    const ssize_t n = recv(fd, got, count, MSG_WAITALL);

    if (blocks() && n != (ssize_t)count)
        die("MSG_WAITALL");
    return n;
}

static ssize_t down_peek(size_t at)
{
    static char seen[PIPE];
    const ssize_t n = recv(fd, seen, part(at, sizeof seen), MSG_PEEK);

    if (n > 0 && (recv(fd, got, (size_t)n, 0) != n || memcmp(got, seen, (size_t)n) != 0))
        die("MSG_PEEK");
    return n;
}

static ssize_t down_splice(size_t at)
{
    const ssize_t n = splice(fd, NULL, pipes[1], NULL, part(at, PIPE), 0);

    for (ssize_t read_ = 0, m; read_ < n; read_ += m) {
        if ((m = read(pipes[0], got + read_, (size_t)(n - read_))) <= 0)
            die("read of a pipe");
    }
    return n;
}

static ssize_t down_stdio(size_t at)
{
    static FILE *stream;
    size_t n;

    if (!stream && !(stream = fdopen(dup(fd), "r")))
        die("fdopen");
    n = fread(got, 1, part(at, 10000), stream);
    if (at + n == size) {
        fclose(stream);
        stream = NULL;
    }
    return (ssize_t)n;
}

static ssize_t down_aio(size_t at)
{
    struct aiocb request = {.aio_fildes = fd, .aio_buf = got, .aio_nbytes = part(at, sizeof got)};

    return complete(&request, aio_read);
}

struct way {
    const char *name;
    ssize_t (*move)(size_t at);
    bool blocking; /* only */
};

static const struct way ups[] = {
    {"write", up_write, false},       {"writev", up_writev, false},     {"send", up_send, false},
    {"sendto", up_sendto, false},     {"sendmsg", up_sendmsg, false},   {"sendmmsg", up_sendmmsg, false},
    {"sendfile", up_sendfile, false}, {"splice", up_splice, false},     {"vmsplice", up_vmsplice, false},
    {"tee", up_tee, false},           {"MSG_MORE", up_more, false},     {"MSG_ZEROCOPY", up_zerocopy, false},
    {"stdio", up_stdio, true},        {"pwritev2", up_pwritev2, false}, {"aio", up_aio, true},
};
static const struct way downs[] = {
    {"read", down_read, false},         {"readv", down_readv, false},     {"recv", down_recv, false},
    {"recvfrom", down_recvfrom, false}, {"recvmsg", down_recvmsg, false}, {"recvmmsg", down_recvmmsg, false},
    {"splice", down_splice, false},     {"waitall", down_waitall, false}, {"peek", down_peek, false},
    {"stdio", down_stdio, true},        {"preadv2", down_preadv2, false}, {"aio", down_aio, true},
};
enum { UPS = sizeof ups / sizeof *ups, DOWNS = sizeof downs / sizeof *downs };

#endif
