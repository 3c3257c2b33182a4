#include "policy/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(const char *path, struct file_facts *facts)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &status) != 0) {
        const int error = errno;

        close(descriptor);
        errno = error;
        return -1;
    }
    *facts = (struct file_facts){.device = (uint64_t)status.st_dev,
                                 .inode = (uint64_t)status.st_ino,
                                 .owner = (uint32_t)status.st_uid,
                                 .mode = (uint32_t)status.st_mode};
    return descriptor;
}

static size_t pages(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

int file_read(int descriptor, size_t limit, char **text, size_t *length)
{
    const size_t size = pages(limit + 1);
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t used = 0;
    ssize_t got = 1;

    if (at == MAP_FAILED)
        return ENOMEM;
    while (used <= limit && got != 0) {
        got = read(descriptor, at + used, limit + 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int error = errno;

            munmap(at, size);
            return error;
        }
        used += (size_t)got;
    }
    if (used > limit) {
        munmap(at, size);
        return EFBIG;
    }
    if (pages(used + 1) < size)
        munmap(at + pages(used + 1), size - pages(used + 1));
    *text = at;
    *length = used;
    return 0;
}

void file_unmap(char *text, size_t length)
{
    if (text != NULL)
        munmap(text, pages(length + 1));
}

const char *errno_words(int error)
{
    switch (error) {
    case ENOENT:
        return "no such file or folder";
    case EACCES:
    case EPERM:
        return "permission denied";
    case ENOTDIR:
        return "a part of the path is not a folder";
    case EISDIR:
        return "it is a folder";
    case ELOOP:
        return "too many symbolic links";
    case ENAMETOOLONG:
        return "the path is too long";
    case EMFILE:
    case ENFILE:
        return "too many open files";
    case ENOMEM:
        return "no memory";
    case EIO:
        return "input/output error";
    case ENXIO:
    case ENODEV:
        return "no such device";
    default:
        return "the system refuses it";
    }
}
