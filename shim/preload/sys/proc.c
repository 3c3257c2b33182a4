#include "preload/sys/proc.h"

#include <errno.h>

#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { PATH_SIZE = 64 };

static void write_path(char path[PATH_SIZE], bool thread, const char *name)
{
    struct strbuf w;

    strbuf_start(&w, path, PATH_SIZE);
    strbuf_add(&w, thread ? "/proc/thread-self/" : "/proc/self/");
    strbuf_add(&w, name);
}

/* The calling thread's path before Linux 3.17. */
static void write_old_path(char path[PATH_SIZE], const char *name)
{
    struct strbuf w;

    strbuf_start(&w, path, PATH_SIZE);
    strbuf_add(&w, "/proc/self/task/");
    strbuf_number(&w, sys_thread());
    strbuf_byte(&w, '/');
    strbuf_add(&w, name);
}

static bool is_kept_away(int error)
{
    return error == ENOENT || error == EACCES || error == EPERM;
}

int proc_open_of(bool thread, const char *name, int flags)
{
    char path[PATH_SIZE];
    int fd;

    write_path(path, thread, name);
    fd = sys_open(path, flags, 0);
    if (fd >= 0 || !thread || errno != ENOENT)
        return fd;
    write_old_path(path, name);
    return sys_open(path, flags, 0);
}

ssize_t proc_readlink_of(bool thread, const char *name, char *buffer, size_t size)
{
    char path[PATH_SIZE];
    ssize_t length;

    write_path(path, thread, name);
    length = sys_readlink(path, buffer, size);
    if (length >= 0 || !thread || errno != ENOENT)
        return length;
    write_old_path(path, name);
    return sys_readlink(path, buffer, size);
}

int proc_open(const char *name, int flags)
{
    const int fd = proc_open_of(true, name, flags);

    return fd < 0 && is_kept_away(errno) ? proc_open_of(false, name, flags) : fd;
}

ssize_t proc_readlink(const char *name, char *buffer, size_t size)
{
    const ssize_t length = proc_readlink_of(true, name, buffer, size);

    return length < 0 && is_kept_away(errno) ? proc_readlink_of(false, name, buffer, size) : length;
}
