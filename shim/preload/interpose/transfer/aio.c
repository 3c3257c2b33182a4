/*
 * POSIX asynchronous I/O (aio(7)). Threads of libc's own read and write, so we look at the descriptor when
 * the request is made. If it must not be used, the request fails then, with EPERM, and not when its result is
 * asked for.
 */
#include <aio.h>
#include <errno.h>
#include <stddef.h>

#include "preload/adopt/fd_permit.h"
#include "preload/libc/next.h"
#include "preload/sys/export.h"
#include "preload/sys/memory.h"

/* The members that we read come first in struct aiocb64 too, which each libc declares in its own way. */
_Static_assert(offsetof(struct aiocb, aio_lio_opcode) == sizeof(int), "aio.h");

static int start(enum next_call which, struct aiocb *request, bool good)
{
    int (*const call)(struct aiocb *) = next(which);

    return call && good ? call(request) : -1;
}

EXPORTED int aio_read(struct aiocb *request)
{
    return start(NEXT_aio_read, request,
                 !memory_is_plausible(request) || fd_permits_read(request->aio_fildes));
}

EXPORTED int wide_aio_read(struct aiocb *request) __asm__("aio_read64");
EXPORTED int wide_aio_read(struct aiocb *request)
{
    return start(NEXT_aio_read64, request,
                 !memory_is_plausible(request) || fd_permits_read(request->aio_fildes));
}

EXPORTED int aio_write(struct aiocb *request)
{
    return start(NEXT_aio_write, request,
                 !memory_is_plausible(request) || fd_permits_write(request->aio_fildes));
}

EXPORTED int wide_aio_write(struct aiocb *request) __asm__("aio_write64");
EXPORTED int wide_aio_write(struct aiocb *request)
{
    return start(NEXT_aio_write64, request,
                 !memory_is_plausible(request) || fd_permits_write(request->aio_fildes));
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

static int start_all(enum next_call which, int mode, struct aiocb *const requests[], int count,
                     struct sigevent *event)
{
    int (*const call)(int, struct aiocb *const[], int, struct sigevent *) = next(which);

    return call && all_may(requests, count) ? call(mode, requests, count, event) : -1;
}

/* musl declares the list with one more `restrict`. */
EXPORTED int own_lio_listio(int mode, struct aiocb *const requests[], int count,
                            struct sigevent *event) __asm__("lio_listio");
EXPORTED int own_lio_listio(int mode, struct aiocb *const requests[], int count, struct sigevent *event)
{
    return start_all(NEXT_lio_listio, mode, requests, count, event);
}

EXPORTED int wide_lio_listio(int mode, struct aiocb *const requests[], int count,
                             struct sigevent *event) __asm__("lio_listio64");
EXPORTED int wide_lio_listio(int mode, struct aiocb *const requests[], int count, struct sigevent *event)
{
    return start_all(NEXT_lio_listio64, mode, requests, count, event);
}
