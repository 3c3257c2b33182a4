#include "monitor/files/open_named.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/readfile.h"

/*
 * O_NONBLOCK: somebody may have put a FIFO in the place of the file since the policy was read; it must not
 * block us. The flag has no effect on a regular file.
 */
enum { READING = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static int open_regular(int folder, const char *path, int *error)
{
    struct stat st;
    const int fd = openat(folder, path, READING);

    *error = fd >= 0 ? 0 : errno;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        *error = errno;
    else if (!S_ISREG(st.st_mode))
        *error = MONITOR_NOT_REGULAR;
    else if (st.st_size > NAMED_FILE_LIMIT)
        *error = MONITOR_TOO_LARGE;
    if (*error == 0)
        return fd;
    close(fd);
    return -1;
}

int open_named(const struct credentials *rights, const char *path, int *error)
{
    int fd;

    if (!credentials_take_on(rights)) {
        *error = errno;
        return -1;
    }
    fd = open_regular(AT_FDCWD, path, error);
    credentials_return();
    return fd;
}

bool named_is_exposed(int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || !file_is_private(st.st_mode);
}

void read_ahead(int fd)
{
    char bytes[16 * 1024];
    ssize_t n;

    do
        n = read(fd, bytes, sizeof bytes);
    while (n > 0 || (n < 0 && errno == EINTR));
    lseek(fd, 0, SEEK_SET);
}

void state_of_named(const char *path, struct file_state *state)
{
    struct stat st;

    memset(state, 0, sizeof *state);
    if (!path || stat(path, &st) != 0)
        return;
    *state = (struct file_state){.device = st.st_dev,
                                 .inode = st.st_ino,
                                 .size = (uint64_t)st.st_size,
                                 .modified = {st.st_mtim.tv_sec, st.st_mtim.tv_nsec},
                                 .changed = {st.st_ctim.tv_sec, st.st_ctim.tv_nsec}};
}

static size_t open_each(int folder, uint32_t hash, enum monitor_roots kind, int *files, size_t limit)
{
    size_t count = 0;
    bool more = true;

    for (size_t i = 0; more && count < limit; i++) {
        char name[32];
        int error, fd;

        snprintf(name, sizeof name, "%08x.%s%zu", (unsigned)hash, kind == ROOTS_CRLS ? "r" : "", i);
        fd = open_regular(folder, name, &error);
        more = fd >= 0 || error < 0; /* an entry that is not a regular file does not hide the next */
        if (fd >= 0)
            files[count++] = fd;
    }
    return count;
}

size_t open_hashed(const struct credentials *rights, const char *path, uint32_t hash, enum monitor_roots kind,
                   int *files, size_t limit)
{
    size_t count = 0;
    int folder;

    if (!credentials_take_on(rights))
        return 0;
    folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        count = open_each(folder, hash, kind, files, limit);
        close(folder);
    }
    credentials_return();
    return count;
}
