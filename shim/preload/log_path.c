#include "preload/log_path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/language/readfile.h"
#include "preload/sys/sys.h"

enum { LINKS_LIMIT = 40 /* as many as the kernel follows: path_resolution(7) */ };

/* The state of a walk along a path. Too large for threads' stacks, which may be small. */
struct walk {
    int folder;
    unsigned links;
    char left[PATH_MAX], next[PATH_MAX];
};

static bool is_trusted(const struct file_facts *facts)
{
    return facts->owner == 0 || facts->owner == (uint32_t)geteuid();
}

static void go_to(struct walk *w, int folder)
{
    if (w->folder >= 0)
        sys_close(w->folder);
    w->folder = folder;
}

static int open_at(int folder, const char *name, int flags, unsigned mode)
{
    return (int)sys_call(SYS_openat, folder, name, flags | O_CLOEXEC, mode);
}

/* Puts the target of the open link `link` in place of its name; `rest` is what follows the name. */
static bool follow(struct walk *w, int link, const char *rest)
{
    const long length = sys_call(SYS_readlinkat, link, "", w->next, sizeof w->next);
    const size_t more = strlen(rest);

    if (length <= 0 || ++w->links > LINKS_LIMIT || (size_t)length + 1 + more >= sizeof w->next)
        return false;
    w->next[length] = '/';
    memcpy(w->next + length + 1, rest, more + 1);
    memcpy(w->left, w->next, sizeof w->left);
    if (w->left[0] == '/')
        go_to(w, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0));
    return w->folder >= 0;
}

/*
 * Goes one name further. We check what we have opened, so that nobody can exchange it in between. An O_PATH
 * descriptor of a link is the link itself (open(2)).
 */
static bool enter(struct walk *w, const char *name, const char *rest)
{
    const int next = sys_lift(open_at(w->folder, name, O_PATH | O_NOFOLLOW, 0));
    struct file_facts facts;
    bool good;

    if (next < 0)
        return false;
    good = file_facts_of(next, &facts) == 0;
    if (good && !S_ISLNK(facts.mode)) {
        go_to(w, next);
        memmove(w->left, rest, strlen(rest) + 1);
        return true;
    }
    good = good && is_trusted(&facts) && follow(w, next, rest);
    sys_close(next);
    return good;
}

/* Goes on until `left` is the last name. */
static bool walk_to_last(struct walk *w)
{
    bool good;

    go_to(w, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0));
    good = w->folder >= 0;
    while (good) {
        char name[NAME_MAX + 1];
        const char *const begin = w->left + strspn(w->left, "/");
        const size_t length = strcspn(begin, "/");
        const char *const rest = begin + length + strspn(begin + length, "/");

        if (length == 0 || length >= sizeof name)
            return false;
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

/* Nonblocking: a FIFO that nobody reads must not hold the program up. */
static int open_last(const struct walk *w)
{
    const int fd = sys_lift(open_at(
        w->folder, w->left, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600));
    struct file_facts facts;

    if (fd < 0 ||
        (file_facts_of(fd, &facts) == 0 && S_ISREG(facts.mode) && facts.links == 1 && is_trusted(&facts)))
        return fd;
    sys_close(fd);
    return -1;
}

int log_path_open(const char *path)
{
    struct walk *w;
    int fd = -1;

    if (strlen(path) >= sizeof w->left)
        return -1;
    w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w == MAP_FAILED)
        return -1;
    w->folder = -1;
    memcpy(w->left, path, strlen(path) + 1);
    if (walk_to_last(w))
        fd = open_last(w);
    go_to(w, -1);
    munmap(w, sizeof *w);
    return fd;
}
