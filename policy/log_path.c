#include "policy/log_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/readfile.h"

enum { LINKS_LIMIT = 40 /* as many as the kernel follows: path_resolution(7) */ };

/*
 * Walks a path: the folder reached so far, and the rest. Too large for the stacks of a program's threads,
 * which may be small.
 */
struct walk {
    int folder;
    unsigned links;
    uint32_t user;
    char left[PATH_MAX], target[PATH_MAX];
};

static bool fail_with(int error)
{
    errno = error;
    return false;
}

static bool is_trusted(const struct walk *w, const struct file_facts *facts)
{
    return facts->owner == 0 || facts->owner == w->user;
}

static void close_quietly(int descriptor)
{
    const int error = errno;

    file_close(descriptor);
    errno = error;
}

static int open_at(int folder, const char *name, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, folder, name, flags | O_CLOEXEC, mode);
}

/* As errno, in contrast to file_facts_of(). */
static bool look_at(int descriptor, struct file_facts *facts)
{
    const int error = file_facts_of(descriptor, facts);

    return error == 0 ? true : fail_with(error);
}

static void go_to(struct walk *w, int folder)
{
    if (w->folder >= 0)
        close_quietly(w->folder);
    w->folder = folder;
}

static bool go_to_root(struct walk *w)
{
    go_to(w, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0));
    return w->folder >= 0;
}

/*
 * Replaces the link that is open as `link` by its target; `rest` is the path after it. An absolute link
 * starts again at the root.
 */
static bool follow(struct walk *w, int link, const char *rest)
{
    const long length = syscall(SYS_readlinkat, link, "", w->target, sizeof w->target);
    const size_t more = strlen(rest);

    if (length <= 0 || ++w->links > LINKS_LIMIT)
        return length < 0 ? false : fail_with(ELOOP);
    if ((size_t)length + 1 + more >= sizeof w->target)
        return fail_with(ENAMETOOLONG);
    w->target[length] = '/';
    memcpy(w->target + length + 1, rest, more + 1);
    memcpy(w->left, w->target, sizeof w->left);
    return w->left[0] != '/' || go_to_root(w);
}

/*
 * Advances by one name. We examine the same object that we opened, so nobody can replace it in between. An
 * O_PATH descriptor of a link is the link itself (open(2)).
 */
static bool enter(struct walk *w, const char *name, const char *rest)
{
    const int next = open_at(w->folder, name, O_PATH | O_NOFOLLOW, 0);
    struct file_facts facts;
    bool good;

    if (next < 0)
        return false;
    good = look_at(next, &facts);
    if (good && !S_ISLNK(facts.mode)) {
        go_to(w, next);
        memmove(w->left, rest, strlen(rest) + 1);
        return true;
    }
    if (good)
        good = is_trusted(w, &facts) ? follow(w, next, rest) : fail_with(ELOOP);
    close_quietly(next);
    return good;
}

/* Walks until `left` is the last name. */
static bool walk_to_last(struct walk *w)
{
    bool good = go_to_root(w);

    while (good) {
        char name[NAME_MAX + 1];
        const char *const begin = w->left + strspn(w->left, "/");
        const size_t length = strcspn(begin, "/");
        const char *const rest = begin + length + strspn(begin + length, "/");

        if (length == 0 || length >= sizeof name)
            return fail_with(length == 0 ? EISDIR : ENAMETOOLONG);
        if (*rest == '\0') {
            memmove(w->left, begin, length);
            w->left[length] = '\0';
            return true;
        }
        memcpy(name, begin, length);
        name[length] = '\0';
        good = enter(w, name, rest);
    }
    return false;
}

/* O_NONBLOCK: a FIFO without a reader must not block us before we see what it is. */
static int open_last(const struct walk *w)
{
    const int descriptor =
        open_at(w->folder, w->left,
                O_WRONLY | O_APPEND | O_CREAT | O_LARGEFILE | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    struct file_facts facts;

    if (descriptor < 0)
        return -1;
    if (look_at(descriptor, &facts)) {
        if (S_ISREG(facts.mode) && facts.links == 1 && is_trusted(w, &facts))
            return descriptor;
        errno = EPERM;
    }
    close_quietly(descriptor);
    return -1;
}

int log_path_open(const char *path, uint32_t user)
{
    struct walk *w;
    int descriptor = -1;

    if (strlen(path) >= sizeof w->left) {
        errno = ENAMETOOLONG;
        return -1;
    }
    w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w == MAP_FAILED)
        return -1;
    w->folder = -1;
    w->user = user;
    memcpy(w->left, path, strlen(path) + 1);
    if (walk_to_last(w))
        descriptor = open_last(w);
    go_to(w, -1);
    munmap(w, sizeof *w);
    return descriptor;
}
