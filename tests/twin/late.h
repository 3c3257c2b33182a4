/* A connection that the library never saw being made. */
#ifndef RETROTLS_TWIN_LATE_H
#define RETROTLS_TWIN_LATE_H

#include "twin.h"

/*
 * Executes this program again without the library. That one connects, and executes the program once more,
 * with the library, an argument, and the connection as standard input. In the middle, the program must call
 * this first.
 */
static inline _Noreturn void unwatched_connector(char *name)
{
    const char *const preload = getenv("LD_PRELOAD"), *const saved = getenv("TWIN_PRELOAD");
    if (preload && !saved) {
        setenv("TWIN_PRELOAD", preload, 1);
        setenv("LD_PRELOAD", "", 1); /* on purpose: libretrotls(7) */
        exec_again(name, NULL);
        _exit(98);
    }
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, SA(&server), sizeof server) != 0)
        _exit(97);
    dup2(fd, 0);
    if (fd != 0)
        close(fd);
    if (saved)
        setenv("LD_PRELOAD", saved, 1);
    exec_again(name, "connected");
    _exit(98);
}

#endif
