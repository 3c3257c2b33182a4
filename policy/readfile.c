#include "policy/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/old_stat.h"

#ifndef SYS_statx /* older headers */
#    define SYS_statx -1
#endif

enum { AT_THE_DESCRIPTOR = 0x1000 /* AT_EMPTY_PATH */, NOT_ITS_TARGET = 0x100 /* AT_SYMLINK_NOFOLLOW */ };

/* struct statx of statx(2), as far as we need it; the same on 32 and 64 bits. */
struct facts_asked {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, owner, group;
    uint16_t mode, spare;
    uint64_t inode;
    uint64_t size, blocks, attributes_mask, accessed[2], born[2];
    int64_t changed;
    uint64_t changed_part, modified[2];
    uint32_t device_of_special[2], device[2];
    uint64_t rest[14];
};
_Static_assert(sizeof(struct facts_asked) == 256, "statx(2)");

static int ask_older_kernel(int descriptor, const char *path, int flags, struct file_facts *facts)
{
#ifdef SYS_old_stat
    struct old_stat found;

    if (syscall(SYS_old_stat, descriptor, path, &found, flags) != 0)
        return errno;
    *facts = (struct file_facts){.links = (uint32_t)old_stat_links(&found)};
    old_stat_read(&found, &facts->device, &facts->inode, &facts->owner, &facts->mode);
    return 0;
#else
    (void)descriptor;
    (void)path;
    (void)flags;
    (void)facts;
    return ENOSYS;
#endif
}

static int ask(int descriptor, const char *path, int flags, struct file_facts *facts)
{
    enum {
        WANTED = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | 0x200
    }; /* type, mode, links, uid, ctime, inode, size */
    struct facts_asked asked;

    if (syscall(SYS_statx, descriptor, path, flags, WANTED, &asked) != 0)
        return errno == ENOSYS ? ask_older_kernel(descriptor, path, flags, facts) : errno;
    *facts = (struct file_facts){.device = (uint64_t)asked.device[0] << 32 | asked.device[1],
                                 .inode = asked.inode,
                                 .owner = asked.owner,
                                 .mode = asked.mode,
                                 .links = asked.links,
                                 .size = asked.size,
                                 .changed = asked.changed,
                                 .changed_part = asked.changed_part};
    return 0;
}

int file_open(const char *path, struct file_facts *facts)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
    const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
    int error;

    if (descriptor < 0)
        return -1;
    error = ask(descriptor, "", AT_THE_DESCRIPTOR, facts);
    if (error == 0)
        return descriptor;
    file_close(descriptor);
    errno = error;
    return -1;
}

int file_owner(const char *path, uint32_t *owner)
{
    struct file_facts facts;
    const int error = ask(AT_FDCWD, path, 0, &facts);

    *owner = error == 0 ? facts.owner : 0;
    return error;
}

int file_look(const char *path, bool follow, struct file_facts *facts)
{
    return ask(AT_FDCWD, path, follow ? 0 : NOT_ITS_TARGET, facts);
}

int file_facts_of(int descriptor, struct file_facts *facts)
{
    return ask(descriptor, "", AT_THE_DESCRIPTOR, facts);
}

uint64_t file_state(const struct file_facts *facts)
{
    const uint64_t part[] = {facts->device,      facts->inode, facts->owner,
                             facts->mode,        facts->size,  (uint64_t)facts->changed,
                             facts->changed_part};
    uint64_t state = UINT64_C(14695981039346656037); /* FNV-1a, by words */

    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        state = (state ^ part[i]) * UINT64_C(1099511628211);
    return state | 1;
}

int folder_error(const char *path)
{
    const int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    if (descriptor < 0)
        return errno;
    file_close(descriptor);
    return 0;
}

void file_close(int descriptor)
{
    syscall(SYS_close, descriptor);
}

ssize_t file_read_some(int descriptor, void *buffer, size_t size)
{
    ssize_t got;

    do
        got = syscall(SYS_read, descriptor, buffer, size);
    while (got < 0 && errno == EINTR);
    return got;
}

int folder_read(int descriptor, bool (*each)(void *context, const char *name), void *context)
{
    enum { RECORD_LENGTH = 16, NAME = 19 }; /* offsets in struct linux_dirent64 of getdents64(2) */
    _Alignas(8) char entries[2048];

    for (;;) {
        const ssize_t got = syscall(SYS_getdents64, descriptor, entries, sizeof entries);
        uint16_t length;

        if (got <= 0)
            return got == 0 ? 0 : errno;
        for (ssize_t at = 0; at < got; at += length) {
            memcpy(&length, entries + at + RECORD_LENGTH, sizeof length);
            if (!each(context, entries + at + NAME))
                return 0;
        }
    }
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
    int error;

    if (at == MAP_FAILED)
        return ENOMEM;
    while (used <= limit && got != 0) {
        got = file_read_some(descriptor, at + used, limit + 1 - used);
        if (got < 0) {
            error = errno;
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
    if (text)
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
