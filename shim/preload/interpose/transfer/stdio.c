/*
 * Streams and dprintf(3): libc reads and writes by itself there, so we look at the descriptor first.
 *
 * C++'s streams, too, end up in fdopen(3) or in read(2) and write(2) (libstdc++'s __basic_file).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "preload/adopt/fd_permit.h"
#include "preload/adopt/first_use.h"
#include "preload/libc/next.h"
#include "preload/sys/export.h"

EXPORTED FILE *fdopen(int fd, const char *mode)
{
    FILE *(*const call)(int, const char *) = next(NEXT_fdopen);

    return call && first_use_stream(fd) ? call(fd, mode) : NULL;
}

/* glibc's other name for it. */
EXPORTED FILE *_IO_fdopen(int fd, const char *mode);
EXPORTED FILE *_IO_fdopen(int fd, const char *mode)
{
    return fdopen(fd, mode);
}

EXPORTED int vdprintf(int fd, const char *restrict format, va_list list)
{
    int (*const call)(int, const char *, va_list) = next(NEXT_vdprintf);

    return call && fd_permits_write(fd) ? call(fd, format, list) : -1;
}

EXPORTED int dprintf(int fd, const char *restrict format, ...)
{
    va_list list;
    int written;

    va_start(list, format);
    written = vdprintf(fd, format, list);
    va_end(list);
    return written;
}

/* glibc's, for programs built with _FORTIFY_SOURCE. */
EXPORTED int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list list);
EXPORTED int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list list)
{
    int (*const call)(int, int, const char *, va_list) = next(NEXT___vdprintf_chk);

    return call && fd_permits_write(fd) ? call(fd, flag, format, list) : -1;
}

EXPORTED int __dprintf_chk(int fd, int flag, const char *restrict format, ...);
EXPORTED int __dprintf_chk(int fd, int flag, const char *restrict format, ...)
{
    va_list list;
    int written;

    va_start(list, format);
    written = __vdprintf_chk(fd, flag, format, list);
    va_end(list);
    return written;
}
