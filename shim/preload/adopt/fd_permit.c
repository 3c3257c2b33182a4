#include "preload/adopt/fd_permit.h"

#include "preload/adopt/first_use.h"
#include "preload/adopt/proxied.h"
#include "preload/descriptor/program_end.h"
#include "preload/libc/io.h"

bool may_write_to(int fd, bool *switched)
{
    io_ready();
    const enum watched watched = known_is_plain(fd) ? WATCHED_PLAIN : watch(fd, WATCH_WRITE, 0);

    *switched = watched == WATCHED_SWITCHED;
    if (*switched)
        return end_may_be_written(fd);
    return watched == WATCHED_PLAIN || (watched == WATCHED_PROXY && proxied_may_write(fd, "", 0));
}

bool may_write(int fd)
{
    bool switched;

    return may_write_to(fd, &switched);
}

bool may_read(int fd)
{
    io_ready();
    return known_is_plain(fd) || watch(fd, WATCH_READ, 0) != WATCHED_REFUSED;
}
