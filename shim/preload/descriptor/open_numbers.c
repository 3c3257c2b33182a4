#include "preload/descriptor/open_numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/proc.h"
#include "preload/sys/sys.h"

enum { BATCH = 64, NUMBERS_LIMIT = 1 << 20 };

/* linux_dirent64 of getdents64(2). */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int open_own_folder(void)
{
    return sys_lift(proc_open("fd", O_RDONLY | O_DIRECTORY));
}

/* The number that an entry of the folder names, or -1 (".", ".."). */
static int number_of(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    for (; *name; name++)
        number = number * 10 + (*name - '0');
    return number;
}

/* All open numbers of this process are below it, those still to be listed too; 0 if we cannot get it. */
static int table_size(void)
{
    static const char field[] = "\nFDSize:\t";
    char text[512];
    const int file = sys_lift(proc_open("status", O_RDONLY));
    const ssize_t got = file < 0 ? -1 : sys_read(file, text, sizeof text - 1);
    const char *at;
    int size = 0;

    if (file >= 0)
        sys_close(file);
    if (got < 0)
        return 0;
    text[got] = '\0';
    at = strstr(text, field);
    for (at = at ? at + sizeof field - 1 : ""; *at >= '0' && *at <= '9' && size < NUMBERS_LIMIT; at++)
        size = size * 10 + (*at - '0');
    return *at == '\n' ? size : 0;
}

static bool visit_each(int first, int end, bool (*visit)(void *, int), void *context)
{
    for (int number = first; number < end; number++) {
        if (!visit(context, number))
            return false;
    }
    return true;
}

/*
 * `own`: the folder is this process's. It then lists the number of the folder itself, which is not the
 * program's. The kernel lists numbers in order and takes some 0.6 us for each, several times as long as
 * asking about one. So if there are many, we ask about all that the table has room for.
 */
static bool visit_folder(int folder, bool own, bool (*visit)(void *, int), void *context)
{
    _Alignas(8) uint8_t buffer[1024];
    ssize_t got;
    int next = 0, end;

    while ((got = sys_getdents(folder, buffer, sizeof buffer)) > 0) {
        if (own && next > 0 && (end = table_size()) > 0)
            return visit_each(next, end, visit, context);
        for (ssize_t at = 0; at < got;) {
            const struct entry *const e = (const struct entry *)(buffer + at);
            const int number = number_of(e->name);

            if (number >= 0 && !(own && number == folder) && !visit(context, number))
                return false;
            next = number + 1;
            at += e->length;
        }
    }
    return got == 0;
}

/* The lowest number that cannot be open; 0 with ENOTSUP if that is beyond reason. */
static int highest_number(void)
{
    struct {
        uint64_t soft, hard;
    } limit;

    if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) != 0 || limit.soft > NUMBERS_LIMIT) {
        errno = ENOTSUP;
        return 0;
    }
    return (int)limit.soft;
}

/* One poll(2) shows which of many numbers are closed. */
static bool visit_all(int end, bool (*visit)(void *, int), void *context)
{
    struct pollfd set[BATCH];

    for (int first = 0; first < end; first += BATCH) {
        const int count = end - first < BATCH ? end - first : BATCH;

        for (int i = 0; i < count; i++)
            set[i] = (struct pollfd){.fd = first + i};
        if (sys_poll(set, (unsigned)count, 0) < 0)
            return false;
        for (int i = 0; i < count; i++) {
            if (!(set[i].revents & POLLNVAL) && !visit(context, first + i))
                return false;
        }
    }
    return true;
}

static bool is_missing(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES;
}

/* Closes the folder. */
static bool visit_and_close(int folder, bool own, bool (*visit)(void *, int), void *context)
{
    const bool good = visit_folder(folder, own, visit, context);
    const int saved = errno;

    sys_close(folder);
    errno = saved;
    return good;
}

bool open_numbers_visit(bool (*visit)(void *context, int number), void *context, bool *no_proc)
{
    const int folder = open_own_folder();

    *no_proc = folder < 0 && is_missing(errno);
    return folder >= 0 && visit_and_close(folder, true, visit, context);
}

bool open_numbers_visit_blindly(bool (*visit)(void *context, int number), void *context)
{
    const int end = highest_number();

    return end > 0 && visit_all(end, visit, context);
}

bool open_numbers_visit_in(const char *path, bool (*visit)(void *context, int number), void *context)
{
    const int folder = sys_lift(sys_open(path, O_RDONLY | O_DIRECTORY, 0));

    return folder >= 0 && visit_and_close(folder, false, visit, context);
}

bool open_numbers_can_be_had(void)
{
    const int folder = open_own_folder();

    if (folder >= 0)
        sys_close(folder);
    return folder >= 0 || (is_missing(errno) && highest_number() > 0);
}
