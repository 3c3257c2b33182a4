/*
 * Calls one of libc's functions, and then connect(2) by a system call of its own that leaves the registers of
 * arguments which connect(2) does not have as they are: `stale_registers ADDRESS PORT SECRET FUNCTION`. What
 * the library has left there must not make a supervisor let the call through. Then writes SECRET, and shows
 * what the server says. x86-64 only.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long connect_by_itself(int fd, const struct sockaddr_in *address)
{
#ifdef __x86_64__
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_connect), "D"((long)fd), "S"(address), "d"(sizeof *address)
                     : "rcx", "r11", "memory");
    return result;
#else
    return syscall(SYS_connect, fd, address, sizeof *address);
#endif
}

static void call(const char *function, int fd)
{
    struct sockaddr_in name;
    socklen_t length = sizeof name, size = sizeof(int);
    int value = 1;

    if (strcmp(function, "getsockopt") == 0)
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size);
    if (strcmp(function, "setsockopt") == 0)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, size);
    if (strcmp(function, "getsockname") == 0)
        getsockname(fd, (struct sockaddr *)&name, &length);
    if (strcmp(function, "getpeername") == 0)
        getpeername(fd, (struct sockaddr *)&name, &length);
    if (strcmp(function, "shutdown") == 0)
        shutdown(-1, SHUT_RD);
    if (strcmp(function, "ioctl") == 0)
        ioctl(fd, FIONREAD, &value);
    if (strcmp(function, "connect") == 0)
        connect(-1, (struct sockaddr *)&name, 0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd set = {.fd = fd, .events = POLLIN};
    char text[300];
    ssize_t got;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        return 2;
    address.sin_port = htons((in_port_t)atoi(argv[2]));
    call(argv[4], fd);
    if (connect_by_itself(fd, &address) != 0)
        return 1;
    if (write(fd, argv[3], strlen(argv[3])) < 0 || write(fd, "\r\nQUIT\r\n", 8) < 0)
        return 3;
    if (poll(&set, 1, -1) != 1 || (got = read(fd, text, sizeof text - 1)) < 0)
        return 4;
    text[got] = '\0';
    puts(text);
    return 0;
}
