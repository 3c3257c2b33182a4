/*
 * Calls for files say that this is not one.
 *
 *     plain:    mmap: mapped
 *     switched: mmap: ENODEV
 *     because TCP lends pages for TCP_ZEROCOPY_RECEIVE, and UNIX sockets have no such thing.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <termios.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    char byte;
    SAY(lseek(fd, 0, SEEK_SET));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(lseek(fd, 0, SEEK_END));
    SAY(ftruncate(fd, 0));
    SAY(fsync(fd));
    SAY(fdatasync(fd));
    say("mmap: %s",
        mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? error_name(errno) : "mapped");
    say("mmap: %s",
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? error_name(errno) : "mapped");
    SAY(fchdir(fd));
    SAY(openat(fd, "name", O_RDONLY));
    SAY(pread(fd, &byte, 1, 0));
    SAY(pwrite(fd, &byte, 1, 0));
    SAY(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    SAY(posix_fallocate(fd, 0, 10));
    SAY(flock(fd, LOCK_EX));
    SAY(lockf(fd, F_TEST, 0));
    SAY(tcgetpgrp(fd));
    SAY(readahead(fd, 0, 10));
    SAY(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
    SAY(fchmod(fd, 0600));
    return 0;
}
