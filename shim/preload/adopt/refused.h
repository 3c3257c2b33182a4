/*
 * Replaces a connection that the program was started with and must not use, so that stdio, and anything else
 * that bypasses the library, cannot write a byte to it. In its place we put a sealed file in memory: write(2)
 * fails with EPERM, and read(2) is at the end of the file (fcntl(2), F_ADD_SEALS; Linux 3.17).
 */
#ifndef RETROTLS_PRELOAD_ADOPT_REFUSED_H
#define RETROTLS_PRELOAD_ADOPT_REFUSED_H

#include <stdbool.h>

/* Puts such a file at the number `fd`; false with errno set if the kernel cannot. Signals must be blocked. */
bool refused_put(int fd);

/* Whether this process has put such a file there. Keeps errno. */
bool refused_is(int fd);

#endif
