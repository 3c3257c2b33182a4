#include "preload/adopt/sharers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "preload/descriptor/open_numbers.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { ANCESTORS = 8, NAME_LIMIT = 40 };

struct search {
    char name[NAME_LIMIT]; /* "socket:[12345]", as the link reads */
    char folder[NAME_LIMIT];
    bool found, denied;
};

static void write_path(char out[NAME_LIMIT], pid_t process, const char *file)
{
    struct strbuf w;

    strbuf_start(&w, out, NAME_LIMIT);
    strbuf_add(&w, "/proc/");
    strbuf_number(&w, (uint64_t)process);
    strbuf_add(&w, file);
}

static bool visit(void *context, int number)
{
    struct search *const search = context;
    char path[2 * NAME_LIMIT], target[NAME_LIMIT];
    struct strbuf w;
    ssize_t length;

    strbuf_start(&w, path, sizeof path);
    strbuf_add(&w, search->folder);
    strbuf_byte(&w, '/');
    strbuf_number(&w, (uint64_t)number);
    length = sys_readlink(path, target, sizeof target);
    if (length < 0 && errno == EACCES)
        search->denied = true;
    search->found =
        length == (ssize_t)strlen(search->name) && memcmp(target, search->name, (size_t)length) == 0;
    return !search->found;
}

/* "PID (NAME) STATE PPID ...": a name may hold anything, so we look for the last parenthesis. 0: unknown. */
static pid_t parent_of(pid_t process)
{
    char path[NAME_LIMIT], text[512];
    const char *at;
    ssize_t length;
    pid_t parent = 0;
    int fd;

    write_path(path, process, "/stat");
    fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    length = sys_read(fd, text, sizeof text - 1);
    sys_close(fd);
    text[length > 0 ? length : 0] = '\0';
    at = strrchr(text, ')');
    if (!at || strnlen(at, 5) < 5)
        return 0;
    for (at += 4; *at >= '0' && *at <= '9' && parent < 100000000; at++)
        parent = parent * 10 + (*at - '0');
    return parent;
}

pid_t sharers_with(int fd)
{
    struct search search = {.found = false};
    struct strbuf w;
    uint64_t inode;
    uint32_t owner;
    pid_t process = getppid();

    if (!sys_inode(fd, &inode, &owner))
        return -1;
    strbuf_start(&w, search.name, sizeof search.name);
    strbuf_add(&w, "socket:[");
    strbuf_number(&w, inode);
    strbuf_byte(&w, ']');
    for (int i = 0; i < ANCESTORS && process > 0; i++, process = parent_of(process)) {
        write_path(search.folder, process, "/fd");
        if (!open_numbers_visit_in(search.folder, visit, &search) && !search.found)
            search.denied = true;
        if (search.found)
            return process;
    }
    return search.denied ? -1 : 0;
}
