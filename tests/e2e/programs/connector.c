/*
 * A connector like tcpclient: connects, puts the connection at descriptor numbers, and runs a program. It is
 * linked statically, so that no preload reaches it.
 *
 *     connector ADDRESS PORT NUMBERS [OPTION...] -- PROGRAM ARGUMENT...
 *
 * NUMBERS: "0,1". Options, done in this order: `await` (until the server has spoken), `read=N`, `write=TEXT`,
 * `nonblock`, `keep` (runs the program as a child, and keeps the connection as well until the child has
 * ended), `pass` (keeps nothing, and sends the connection over a UNIX socket, which the program has at the
 * first number).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(111);
}

static int connect_to(const char *address, const char *port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, address, &server.sin_addr);
    if (connect(fd, (struct sockaddr *)&server, sizeof server))
        die("connect");
    return fd;
}

static void send_descriptor(int over, int fd)
{
    char byte = 0;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof fd)];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec piece = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    if (sendmsg(over, &message, 0) != 1)
        die("sendmsg");
}

static void place(int fd, const char *numbers)
{
    for (const char *at = numbers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (dup2(fd, atoi(at)) < 0)
            die("dup2");
}

int main(int argc, char **argv)
{
    bool keep = false, pass = false;
    int at = 4, pair[2], status;
    if (argc < 6)
        return 2;
    int made = connect_to(argv[1], argv[2]), fd = fcntl(made, F_DUPFD_CLOEXEC, 100);
    close(made);
    for (; at < argc - 1 && strcmp(argv[at], "--") != 0; at++) {
        char bytes[4096];
        if (strcmp(argv[at], "await") == 0 || strncmp(argv[at], "read=", 5) == 0)
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
        if (strncmp(argv[at], "read=", 5) == 0 && read(fd, bytes, (size_t)atoi(argv[at] + 5)) <= 0)
            die("read");
        if (strncmp(argv[at], "write=", 6) == 0 && write(fd, argv[at] + 6, strlen(argv[at] + 6)) < 0)
            die("write");
        if (strcmp(argv[at], "nonblock") == 0)
            fcntl(fd, F_SETFL, O_NONBLOCK);
        keep = keep || strcmp(argv[at], "keep") == 0;
        pass = pass || strcmp(argv[at], "pass") == 0;
    }
    if (pass) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
            die("socketpair");
        send_descriptor(pair[0], fd);
        fd = pair[1];
    }
    if (keep && fork() != 0)
        return wait(&status) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 112;
    place(fd, argv[3]);
    execvp(argv[at + 1], argv + at + 1);
    die(argv[at + 1]);
}
