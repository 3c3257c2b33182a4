/*
 * Linked only into the bundle's static supervisor, in place of preload/libc/io.c and next.c. The library's
 * code looks with dlsym(3) for the functions behind the interposed ones. A static program interposes none,
 * and dlsym(3) finds nothing there: the functions are libc's. (For those of struct real, the system calls
 * serve.)
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/libc/io.h"
#include "preload/libc/next.h"

/* The others are called only by interposed functions, which the supervisor does not have. */
struct io io = {
    .read = read,
    .readv = readv,
    .write = write,
    .writev = writev,
    .send = send,
    .recv = recv,
    .recvfrom = recvfrom,
    .recvmsg = recvmsg,
};

void io_start(void)
{
}

void *next(enum next_call which)
{
    (void)which;
    errno = ENOSYS;
    return NULL;
}
