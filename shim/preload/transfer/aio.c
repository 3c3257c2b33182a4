/*
 * POSIX asynchronous I/O (aio(7)). Threads of libc's own read and write, so we look at the descriptor when
 * the request is made. If it must not be used, the request fails then, with EPERM, and not when its result is
 * asked for.
 */
#include <aio.h>
#include <errno.h>
#include <stddef.h>

#include "preload/adopt/fd_permit.h"
#include "preload/interpose/export.h"
#include "preload/libc/next.h"
#include "preload/sys/memory.h"

#define LIBRT "librt.so.1" /* until glibc 2.34 */

/* The members that we read come first in struct aiocb64 too, which each libc declares in its own way. */
_Static_assert(offsetof(struct aiocb, aio_lio_opcode) == sizeof(int), "aio.h");

static int start(struct next *real, struct aiocb *request, bool good)
{
    int (*const call)(struct aiocb *) = next(real);

    return call && good ? call(request) : -1;
}

EXPORTED int aio_read(struct aiocb *request)
{
    static struct next real = {.name = "aio_read", .library = LIBRT};

    return start(&real, request, !memory_is_plausible(request) || fd_permits_read(request->aio_fildes));
}

EXPORTED int wide_aio_read(struct aiocb *request) __asm__("aio_read64");
EXPORTED int wide_aio_read(struct aiocb *request)
{
    static struct next real = {.name = "aio_read64", .alias = "aio_read", .library = LIBRT};

    return start(&real, request, !memory_is_plausible(request) || fd_permits_read(request->aio_fildes));
}

EXPORTED int aio_write(struct aiocb *request)
{
    static struct next real = {.name = "aio_write", .library = LIBRT};

    return start(&real, request, !memory_is_plausible(request) || fd_permits_write(request->aio_fildes));
}

EXPORTED int wide_aio_write(struct aiocb *request) __asm__("aio_write64");
EXPORTED int wide_aio_write(struct aiocb *request)
{
    static struct next real = {.name = "aio_write64", .alias = "aio_write", .library = LIBRT};

    return start(&real, request, !memory_is_plausible(request) || fd_permits_write(request->aio_fildes));
}

static bool all_may(struct aiocb *const requests[], int count)
{
    for (int i = 0; i < count; i++) {
        const struct aiocb *const request = requests[i];

        if (request && ((request->aio_lio_opcode == LIO_READ && !fd_permits_read(request->aio_fildes)) ||
                        (request->aio_lio_opcode == LIO_WRITE && !fd_permits_write(request->aio_fildes))))
            return false;
    }
    return true;
}

static int start_all(struct next *real, int mode, struct aiocb *const requests[], int count,
                     struct sigevent *event)
{
    int (*const call)(int, struct aiocb *const[], int, struct sigevent *) = next(real);

    return call && all_may(requests, count) ? call(mode, requests, count, event) : -1;
}

/* musl declares the list with one more `restrict`. */
EXPORTED int own_lio_listio(int mode, struct aiocb *const requests[], int count,
                            struct sigevent *event) __asm__("lio_listio");
EXPORTED int own_lio_listio(int mode, struct aiocb *const requests[], int count, struct sigevent *event)
{
    static struct next real = {.name = "lio_listio", .library = LIBRT};

    return start_all(&real, mode, requests, count, event);
}

EXPORTED int wide_lio_listio(int mode, struct aiocb *const requests[], int count,
                             struct sigevent *event) __asm__("lio_listio64");
EXPORTED int wide_lio_listio(int mode, struct aiocb *const requests[], int count, struct sigevent *event)
{
    static struct next real = {.name = "lio_listio64", .alias = "lio_listio", .library = LIBRT};

    return start_all(&real, mode, requests, count, event);
}
