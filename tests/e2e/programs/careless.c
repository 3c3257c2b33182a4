/*
 * A careless mail program: `careless HOST PORT [early] < WORDS`, or, on a connection that it was started
 * with, `careless - NUMBER [early]`, which then ends if it cannot write.
 *
 * It looks up HOST, connects, waits for one line (with `early` not even for that), then sends all of its
 * standard input (with its password), whatever that line said, and reads until the end. What it read goes
 * unchanged to standard output, how each step ended to standard error. It leaves SIGPIPE alone.
 *
 * With CARELESS_END=FOLDER, at its end it writes the numbers of its open descriptors to FOLDER/descriptors,
 * and waits until the FIFO FOLDER/go was opened for writing and closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef RAW /* a dynamic program that makes this system call itself */
#    include <sys/syscall.h>
#    define connect(fd, address, length) (int)syscall(SYS_connect, fd, address, length, 0, 0, 0)
#endif

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
    int error = getaddrinfo(host, port, &hints, &all);
    if (error) {
        fprintf(stderr, "lookup: %s\n", gai_strerror(error));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = all; a; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        /* A server under test has only one of localhost's ::1 and 127.0.0.1. */
        if (!a->ai_next || strcmp(host, "localhost") != 0)
            fprintf(stderr, "connect: %s\n", strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    return fd;
}

/* Reads once and prints what came. Returns read()'s result; `*last` becomes the last byte printed. */
static ssize_t show(int fd, char *last)
{
    char buffer[4096];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n > 0) {
        fwrite(buffer, 1, (size_t)n, stdout);
        *last = buffer[n - 1];
    } else {
        fprintf(stderr, "read: %s\n", n ? strerror(errno) : "end of stream");
    }
    return n;
}

/* Allocates nothing, and tests all descriptors with one call. */
static void wait_at_the_end(const char *folder)
{
    enum { MOST = 1024 };
    static struct pollfd all[MOST];
    char path[512], go;

    snprintf(path, sizeof path, "%s/descriptors", folder);
    int report = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int fd = 0; fd < MOST; fd++)
        all[fd].fd = fd;
    if (report < 0 || poll(all, MOST, 0) < 0)
        return;
    for (int fd = 0; fd < MOST; fd++)
        if (!(all[fd].revents & POLLNVAL) && fd != report)
            dprintf(report, "%d ", fd);
    dprintf(report, "\n");
    close(report);
    snprintf(path, sizeof path, "%s/go", folder);
    int fifo = open(path, O_RDONLY | O_CLOEXEC);
    if (fifo >= 0 && read(fifo, &go, 1) == 0)
        close(fifo);
}

int main(int argc, char **argv)
{
    static char words[65536];
    if (argc < 3)
        return 2;
    size_t length = fread(words, 1, sizeof words, stdin);
    int fd = strcmp(argv[1], "-") == 0 ? atoi(argv[2]) : connect_to(argv[1], argv[2]);
    const char *end = getenv("CARELESS_END");
    if (fd < 0) {
        if (end)
            wait_at_the_end(end);
        return 1;
    }
    char last = 0;
    bool early = argc > 3 && !strcmp(argv[3], "early");
    while (!early && last != '\n')
        if (show(fd, &last) <= 0)
            break;
    for (size_t sent = 0; sent < length;) {
        ssize_t n = write(fd, words + sent, length - sent);
        if (n < 0) {
            fprintf(stderr, "write: %s\n", strerror(errno));
            if (strcmp(argv[1], "-") == 0)
                return 1;
            break;
        }
        sent += (size_t)n;
    }
    while (show(fd, &last) > 0)
        continue;
    close(fd);
    if (end)
        wait_at_the_end(end);
    return 0;
}
