/*
 * What takes the place of a connection that the program was started with and must not use: stdio, and
 * whatever else does not pass the library, cannot write a byte to it. A file in memory that is sealed:
 * write(2) says EPERM, read(2) is at its end (fcntl(2), F_ADD_SEALS; Linux 3.17).
 */
#ifndef RETROTLS_PRELOAD_ADOPT_REFUSED_H
#define RETROTLS_PRELOAD_ADOPT_REFUSED_H

#include <stdbool.h>

/* Makes the number `fd` such a file; false with errno where the kernel cannot. Signals blocked. */
bool refused_put(int fd);

/* Whether this process made it one. Keeps errno. */
bool refused_is(int fd);

#endif
