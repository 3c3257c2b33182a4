#include "preload/descriptor/epoll_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/sys/proc.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

static void write_name(char *out, size_t size, const char *folder, int fd)
{
    struct strbuf w;

    strbuf_start(&w, out, size);
    strbuf_add(&w, folder);
    strbuf_number(&w, (uint64_t)fd);
}

bool epoll_set_is(int fd)
{
    static const char eventpoll[] = "anon_inode:[eventpoll]";
    char name[24], target[sizeof eventpoll];
    ssize_t length;

    write_name(name, sizeof name, "fd/", fd);
    length = proc_readlink(name, target, sizeof target);
    if (length < 0)
        return errno != ENOENT;
    return length == sizeof eventpoll - 1 && memcmp(target, eventpoll, sizeof eventpoll - 1) == 0;
}

/* Skips blanks, `word` and the blanks after it; NULL if another word is there. */
static const char *after(const char *at, const char *end, const char *word)
{
    const size_t length = strlen(word);

    while (at && at < end && *at == ' ')
        at++;
    if (!at || (size_t)(end - at) < length || memcmp(at, word, length) != 0)
        return NULL;
    for (at += length; at < end && *at == ' ';)
        at++;
    return at;
}

bool epoll_read_line(const char *line, const char *end, struct registration *r)
{
    const char *at = after(line, end, "tfd:");
    uint64_t events = 0;

    r->number = 0;
    if (!at || at == end || *at < '0' || *at > '9')
        return false;
    for (; at < end && *at >= '0' && *at <= '9' && r->number < 100000000; at++)
        r->number = r->number * 10 + (*at - '0');
    at = strbuf_read_hex(after(at, end, "events:"), end, &events);
    at = strbuf_read_hex(after(at, end, "data:"), end, &r->data);
    r->events = (uint32_t)events;
    r->inode = 0;
    if (!at)
        return false;
    for (const char *ino = at; ino + 4 < end; ino++) {
        if (memcmp(ino, "ino:", 4) == 0)
            return strbuf_read_hex(ino + 4, end, &r->inode) != NULL;
    }
    return true;
}

static bool take(const struct registration *r, const int *numbers, size_t count, struct registrations *found)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] != r->number)
            continue;
        if (found->count == found->limit) {
            errno = EMFILE;
            return false;
        }
        found->item[found->count++] = *r;
    }
    return true;
}

/* Reads the set's fdinfo; sets `*lines` if it shows any registration. */
static bool read_set(int set, uint64_t inode, const int *numbers, size_t count, struct registrations *found,
                     bool *lines)
{
    char name[24], buffer[1024];
    size_t used = 0;
    bool good = true;
    ssize_t got = 0;
    int info;

    write_name(name, sizeof name, "fdinfo/", set);
    info = proc_open(name, O_RDONLY);
    if (info < 0)
        return false;
    while (good && (got = sys_read(info, buffer + used, sizeof buffer - used)) > 0) {
        char *line = buffer, *end;

        used += (size_t)got;
        while (good && (end = memchr(line, '\n', (size_t)(buffer + used - line)))) {
            struct registration r = {.set = set};

            if (epoll_read_line(line, end, &r)) {
                *lines = true;
                if (r.inode == 0 || r.inode == inode)
                    good = take(&r, numbers, count, found);
            }
            line = end + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
    }
    sys_close(info);
    return good && got == 0;
}

/*
 * Tries it with two sets, one in the other. Returns false with errno set: ENOSYS if the kernel does not show
 * registrations, anything else if we cannot try.
 */
static bool registrations_are_shown(void)
{
    static atomic_bool known;
    struct registrations none = {.limit = 0};
    struct registration one = {.set = -1};
    int inner;
    bool shown = atomic_load(&known), good;

    if (shown)
        return true;
    one.set = sys_lift((int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC));
    inner = sys_lift((int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC));
    one.number = inner;
    good = one.set >= 0 && inner >= 0 && epoll_add(&one) && read_set(one.set, 0, NULL, 0, &none, &shown);
    if (good && !shown)
        errno = ENOSYS;
    const int saved = errno;
    if (one.set >= 0)
        sys_close(one.set);
    if (inner >= 0)
        sys_close(inner);
    errno = saved;
    atomic_store(&known, good && shown);
    return good && shown;
}

bool epoll_set_read(int set, uint64_t inode, const int *numbers, size_t count, struct registrations *found)
{
    bool lines = false;

    return read_set(set, inode, numbers, count, found, &lines) && (lines || registrations_are_shown());
}

bool epoll_delete(const struct registration *r)
{
    struct epoll_event none = {.events = 0};

    return sys_call(SYS_epoll_ctl, r->set, EPOLL_CTL_DEL, r->number, &none) == 0;
}

/*
 * A one-shot registration that has fired has lost all its events. Added again, it gets EPOLLERR and EPOLLHUP,
 * which the kernel always adds.
 */
bool epoll_add(const struct registration *r)
{
    struct epoll_event event = {.events = r->events, .data.u64 = r->data};

    return sys_call(SYS_epoll_ctl, r->set, EPOLL_CTL_ADD, r->number, &event) == 0;
}
