/*
 * Sends the bytes of a file to a server and reads as many back, with each of the calls that move bytes, each
 * on a connection of its own:
 *
 *     bulk PORT FILE WAIT SNDBUF RCVBUF [UP DOWN]
 *
 * WAIT is how it waits: block, poll, select, epoll or edge (epoll, edge-triggered). SNDBUF and RCVBUF, if not
 * 0, are set before connect() and after it in turn. Prints a line for each pair of calls. What comes back
 * must be the file again. UP and DOWN choose one pair.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bulk_ways.h"

enum { PATIENCE = 60 }; /* seconds until a pair counts as hung */

static const char *how;
static const char *doing = "nothing";

static void die(const char *what)
{
    const int error = errno;

    printf("%s: %s: %s\n", doing, what, strerror(error));
    exit(1);
}

static bool blocks(void)
{
    return strcmp(how, "block") == 0;
}

/* ---- waiting ---- */

static int set = -1; /* the epoll set */

static void wait_prepare(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};

    if (!blocks() && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        die("fcntl");
    if (strcmp(how, "edge") == 0 &&
        ((set = epoll_create1(0)) < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)))
        die("epoll_ctl");
}

static void wait_level(uint32_t events)
{
    struct epoll_event event = {.events = events};
    const int level = epoll_create1(0);

    if (level < 0 || epoll_ctl(level, EPOLL_CTL_ADD, fd, &event) != 0 ||
        epoll_wait(level, &event, 1, -1) != 1)
        die("epoll");
    close(level);
}

/* Waits after EAGAIN. */
static void wait_for(short events)
{
    struct pollfd polled = {.fd = fd, .events = events};
    struct epoll_event event;
    fd_set read, write;

    if (blocks())
        die("EAGAIN of a blocking descriptor");
    if (strcmp(how, "poll") == 0 && poll(&polled, 1, -1) != 1)
        die("poll");
    if (strcmp(how, "epoll") == 0)
        wait_level(events == POLLIN ? EPOLLIN : EPOLLOUT);
    if (strcmp(how, "edge") == 0) {
        do {
            if (epoll_wait(set, &event, 1, -1) != 1)
                die("epoll_wait");
        } while (!(event.events & (events == POLLIN ? EPOLLIN : EPOLLOUT)));
    }
    if (strcmp(how, "select") == 0) {
        FD_ZERO(&read);
        FD_ZERO(&write);
        FD_SET(fd, events == POLLIN ? &read : &write);
        if (select(fd + 1, &read, &write, NULL, NULL) != 1)
            die("select");
    }
}

/* ---- a session ---- */

static void set_buffers(int send_buffer, int receive_buffer)
{
    if ((send_buffer && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) != 0) ||
        (receive_buffer &&
         setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) != 0))
        die("setsockopt");
}

static void say(const char *words)
{
    if (write(fd, words, strlen(words)) != (ssize_t)strlen(words))
        die("write");
}

static void hear(const char *words)
{
    char line[200];
    size_t used = 0;

    do {
        if (read(fd, line + used, 1) != 1)
            die("read");
    } while (line[used++] != '\n' && used < sizeof line - 1);
    line[used] = '\0';
    if (strncmp(line, words, strlen(words)) != 0) {
        printf("%s: it said %s", doing, line);
        exit(1);
    }
}

static void up(const struct way *way)
{
    for (size_t at = 0; at < size;) {
        const ssize_t n = way->move(at);

        if (n < 0 && errno == EAGAIN)
            wait_for(POLLOUT);
        else if (n <= 0)
            die(way->name);
        else
            at += (size_t)n;
    }
}

static void down(const struct way *way)
{
    for (size_t at = 0; at < size;) {
        const ssize_t n = way->move(at);

        if (n < 0 && errno == EAGAIN) {
            wait_for(POLLIN);
            continue;
        }
        if (n <= 0)
            die(way->name);
        if (memcmp(got, text + at, (size_t)n) != 0) {
            printf("%s: other bytes at %zu\n", doing, at);
            exit(1);
        }
        at += (size_t)n;
    }
}

static void session(const struct sockaddr_in *server, const struct way *one, const struct way *two,
                    int send_buffer, int receive_buffer, bool before)
{
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (before)
        set_buffers(send_buffer, receive_buffer);
    if (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0)
        die("connect");
    if (!before)
        set_buffers(send_buffer, receive_buffer);
    hear("220 ");
    say("EHLO me\r\n");
    hear("250 ");
    say("DATA\r\n");
    hear("354 ");
    wait_prepare();
    up(one);
    down(two);
    if (set >= 0)
        close(set);
    set = -1;
    close(fd);
}

static void on_alarm(int number)
{
    (void)number;
    if (write(STDOUT_FILENO, doing, strlen(doing)) < 0 || write(STDOUT_FILENO, ": hangs\n", 8) < 0)
        _exit(2);
    _exit(1);
}

static void run(const struct sockaddr_in *server, const struct way *one, const struct way *two,
                char **buffers)
{
    static char what[100];
    static int round;

    snprintf(what, sizeof what, "%s %s", one->name, two->name);
    doing = what;
    signal(SIGALRM, on_alarm);
    alarm(PATIENCE);
    session(server, one, two, atoi(buffers[0]), atoi(buffers[1]), round++ % 2);
    alarm(0);
    printf("%s: ok\n", what);
    fflush(stdout);
}

/* Chooses the calls that can wait in the way that is asked for. */
static int fit(struct way *some, const struct way *all, int count)
{
    int found = 0;

    for (int i = 0; i < count; i++) {
        if (!all[i].blocking || blocks())
            some[found++] = all[i];
    }
    return found;
}

static const struct way *find(const struct way *all, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    }
    fprintf(stderr, "no way %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    struct stat status;

    if (argc < 6)
        return 2;
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    how = argv[3];
    if ((file = open(argv[2], O_RDONLY)) < 0 || fstat(file, &status) != 0)
        die(argv[2]);
    size = (size_t)status.st_size;
    text = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (text == MAP_FAILED || pipe(pipes) != 0 || pipe(other) != 0)
        die("pipe");
    fcntl(pipes[1], F_SETPIPE_SZ, PIPE);
    fcntl(other[1], F_SETPIPE_SZ, PIPE);
    if (argc >= 8) {
        run(&server, find(ups, UPS, argv[6]), find(downs, DOWNS, argv[7]), argv + 4);
    } else {
        struct way some_ups[UPS], some_downs[DOWNS];
        const int one = fit(some_ups, ups, UPS), two = fit(some_downs, downs, DOWNS);

        for (int i = 0; i < one || i < two; i++)
            run(&server, &some_ups[i % one], &some_downs[i % two], argv + 4);
    }
    puts("done");
    return 0;
}
