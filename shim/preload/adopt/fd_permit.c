#include "preload/adopt/fd_permit.h"

#include "preload/adopt/first_use.h"
#include "preload/adopt/proxied.h"
#include "preload/guard/program_end.h"
#include "preload/libc/io.h"

bool fd_permits_write_to(int fd, bool *switched)
{
    io_ready();
    const enum first_use watched =
        fd_state_is_plain(fd) ? FIRST_USE_PLAIN : first_use(fd, FIRST_USE_WRITE, 0);

    *switched = watched == FIRST_USE_SWITCHED;
    if (*switched)
        return program_end_may_be_written(fd);
    return watched == FIRST_USE_PLAIN || (watched == FIRST_USE_PROXY && proxied_may_write(fd, "", 0));
}

bool fd_permits_write(int fd)
{
    bool switched;

    return fd_permits_write_to(fd, &switched);
}

bool fd_permits_read(int fd)
{
    io_ready();
    return fd_state_is_plain(fd) || first_use(fd, FIRST_USE_READ, 0) != FIRST_USE_REFUSED;
}
