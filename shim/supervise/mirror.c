#include "supervise/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/descriptor/open_numbers.h"
#include "preload/sys/sys.h"

#ifndef SYS_close_range
#    define SYS_close_range 436 /* Linux 5.9, as is all that we need */
#endif

enum { SETS_LIMIT = 4096, LINK_SIZE = 64 };

/* What a walk through the program's descriptors finds. */
struct walk {
    struct mirror *mirror;
    const struct client *client;
    char socket[LINK_SIZE]; /* as /proc shows the socket */
    int first;              /* one of its numbers, already noted */
    int set[SETS_LIMIT];
    size_t sets;
    int highest;
};

static void path_of(const struct client *client, const char *folder, int number, char path[LINK_SIZE])
{
    snprintf(path, LINK_SIZE, "/proc/%d/%s/%d", (int)client->tid, folder, number);
}

static int flags_of(const struct client *client, int number)
{
    char path[LINK_SIZE], line[256];
    unsigned flags = 0;
    FILE *info;

    path_of(client, "fdinfo", number, path);
    info = fopen(path, "re");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "flags: %o", &flags) == 1)
            break;
    if (info)
        fclose(info);
    return (int)(flags & O_CLOEXEC);
}

static bool note_number(struct walk *walk, int number)
{
    struct mirror *const m = walk->mirror;

    if (m->numbers == SWITCH_NUMBERS_LIMIT) {
        errno = EMFILE;
        return false;
    }
    if (number > walk->highest)
        walk->highest = number;
    m->number[m->numbers] = number;
    m->flags[m->numbers++] = flags_of(walk->client, number);
    return true;
}

static bool visit(void *context, int number)
{
    struct walk *const walk = context;
    char path[LINK_SIZE], link[LINK_SIZE];
    ssize_t length;

    path_of(walk->client, "fd", number, path);
    length = readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    if (strcmp(link, walk->socket) == 0)
        return number == walk->first || note_number(walk, number);
    if (strcmp(link, "anon_inode:[eventpoll]") != 0)
        return true;
    if (walk->sets == SETS_LIMIT) {
        errno = EMFILE;
        return false;
    }
    if (number > walk->highest)
        walk->highest = number;
    walk->set[walk->sets++] = number;
    return true;
}

static bool survey(struct walk *walk, int socket, int number)
{
    char folder[LINK_SIZE];
    struct stat status;

    if (fstat(socket, &status) != 0)
        return false;
    snprintf(walk->socket, sizeof walk->socket, "socket:[%llu]", (unsigned long long)status.st_ino);
    walk->first = number;
    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)walk->client->tid);
    return note_number(walk, number) && open_numbers_visit_in(folder, visit, walk);
}

/* Moves `*fd` to a number above `highest`. */
static bool move_above(int *fd, int highest)
{
    const int above = fcntl(*fd, F_DUPFD_CLOEXEC, highest + 1);

    if (above < 0)
        return false;
    close(*fd);
    *fd = above;
    return true;
}

/* Copies the program's descriptor `number` to the same number here, which must be free. */
static bool place(const struct client *client, int number, int flags)
{
    const int got = client_descriptor(client, number);

    if (got < 0)
        return false;
    if (got == number)
        return fcntl(got, F_SETFD, flags & O_CLOEXEC ? FD_CLOEXEC : 0) == 0;
    const bool good = sys_dup3(got, number, flags) == number;
    close(got);
    return good;
}

static bool is_socket(int fd, uint64_t cookie)
{
    uint64_t other;

    return sys_cookie(fd, &other) && other == cookie;
}

bool mirror_make(struct mirror *m, struct client *client, int listener, int socket, int number)
{
    struct walk walk = {.mirror = m, .client = client, .highest = STDERR_FILENO};

    *m = (struct mirror){.listener = listener};
    if (!sys_cookie(socket, &m->cookie) || !survey(&walk, socket, number))
        return false;
    if (!move_above(&m->listener, walk.highest) || !move_above(&client->pidfd, walk.highest) ||
        syscall(SYS_close_range, 0, walk.highest, 0) != 0)
        return false;
    for (size_t i = 0; i < walk.sets; i++)
        if (!place(client, walk.set[i], O_CLOEXEC) && errno != EBADF)
            return false;
    for (size_t i = 0; i < m->numbers;) {
        if (!place(client, m->number[i], m->flags[i]) && errno != EBADF)
            return false;
        if (is_socket(m->number[i], m->cookie)) {
            i++;
        } else if (i == 0) { /* another thread has closed or replaced it */
            errno = EBADF;
            return false;
        } else {
            close(m->number[i]);
            m->number[i] = m->number[--m->numbers];
            m->flags[i] = m->flags[m->numbers];
        }
    }
    if (fcntl(STDERR_FILENO, F_GETFD) < 0)
        place(client, STDERR_FILENO, O_CLOEXEC);
    return true;
}

bool mirror_is_true(const struct mirror *m, const struct client *client, size_t which)
{
    const int now = client_descriptor(client, m->number[which]);
    const bool same = now >= 0 && is_socket(now, m->cookie);

    if (now >= 0)
        close(now);
    return same;
}

bool mirror_install(struct mirror *m, const struct client *client, const struct notification *n)
{
    uint64_t now;

    if (!sys_cookie(m->number[0], &now))
        return false;
    if (now == m->cookie)
        return true;
    for (size_t i = 0; i < m->numbers; i++) {
        /* Another thread may have opened something else under the number meanwhile. */
        if (!mirror_is_true(m, client, i)) {
            errno = EBADF;
            if (i == 0)
                return false;
        } else if (!notification_install(m->listener, n, m->number[i], m->number[i], m->flags[i])) {
            return false;
        }
    }
    m->cookie = now;
    return true;
}
