#include "monitor/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_LIMIT = 40 /* as many as the kernel follows (path_resolution(7)) */ };

/* ---- the file ---- */

/* Walks a path: the folder reached so far, and the rest. An absolute link starts again at the root. */
struct walk {
    int folder;
    unsigned links;
    uid_t user;
    char left[PATH_MAX];
};

static bool fail_with(int error)
{
    errno = error;
    return false;
}

static bool is_trusted(const struct walk *w, const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == w->user;
}

static bool go_to_root(struct walk *w)
{
    if (w->folder >= 0)
        close(w->folder);
    w->folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return w->folder >= 0;
}

/* Replaces the link that is open as `link` by its target; `rest` is the path after it. */
static bool follow(struct walk *w, int link, const char *rest)
{
    char target[PATH_MAX], all[PATH_MAX];
    const ssize_t length = readlinkat(link, "", target, sizeof target - 1);

    if (length <= 0 || ++w->links > LINKS_LIMIT)
        return length < 0 ? false : fail_with(ELOOP);
    target[length] = '\0';
    if ((size_t)snprintf(all, sizeof all, "%s/%s", target, rest) >= sizeof all)
        return fail_with(ENAMETOOLONG);
    memcpy(w->left, all, sizeof all);
    return target[0] != '/' || go_to_root(w);
}

/*
 * Advances by one name. We examine the same object that we opened, so nobody can replace it in between. An
 * O_PATH descriptor of a link is the link itself (open(2)).
 */
static bool enter(struct walk *w, const char *name, const char *rest)
{
    const int next = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool good = next >= 0 && fstat(next, &st) == 0;

    if (good && S_ISLNK(st.st_mode)) {
        good = is_trusted(w, &st) ? follow(w, next, rest) : fail_with(ELOOP);
        close(next);
    } else if (good) {
        close(w->folder);
        w->folder = next;
        memmove(w->left, rest, strlen(rest) + 1);
    } else if (next >= 0) {
        close(next);
    }
    return good;
}

/* Walks until `left` is the last name. */
static bool walk(struct walk *w)
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
    const int fd =
        openat(w->folder, w->left,
               O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    struct stat st;

    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && is_trusted(w, &st)))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

int log_file_open(const struct credentials *rights, const char *path)
{
    struct walk w = {.folder = -1, .user = rights->user};
    int fd = -1;

    if (strlen(path) >= sizeof w.left) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(w.left, path, strlen(path) + 1);
    if (!credentials_take_on(rights))
        return -1;
    if (walk(&w))
        fd = open_last(&w);
    if (w.folder >= 0) {
        const int error = errno;

        close(w.folder);
        errno = error;
    }
    credentials_return();
    return fd;
}

/* ---- lines ---- */

/* Uses a single write, so that the lines of several relays do not mix. */
static bool write_line(int fd, char *line, size_t length)
{
    ssize_t written;

    line[length] = '\n';
    do
        written = write(fd, line, length + 1);
    while (written < 0 && errno == EINTR);
    return written >= 0;
}

/* Sends what syslog(3) sends, but never waits for a logger that does not read. */
static void to_syslog(const char *line, size_t length, int priority)
{
    static const struct sockaddr_un logger = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char message[LOG_LINE_LIMIT + 64], stamp[32] = "";
    const time_t now = time(NULL);
    struct tm tm;
    int fd, n;

    if (localtime_r(&now, &tm))
        strftime(stamp, sizeof stamp, "%b %e %T", &tm);
    n = snprintf(message, sizeof message, "<%d>%s retrotls[%d]: %.*s", LOG_MAIL | priority, stamp,
                 (int)getpid(), (int)length, line);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        sendto(fd, message, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&logger, sizeof logger);
        close(fd);
    }
}

static void to_terminal(int fd, char *line, size_t length)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    /* POLLOUT: a pipe has room for PIPE_BUF at least, and a terminal is not stopped (pipe(7)). */
    if (fd >= 0 && poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT)
        write_line(fd, line, length);
}

/* Writes the time, which a line in a file has to include. */
static size_t put_time(char *line)
{
    const time_t now = time(NULL);
    struct tm tm;

    return gmtime_r(&now, &tm) ? strftime(line, LOG_LINE_LIMIT, "time=%FT%TZ ", &tm) : 0;
}

static bool to_file(const struct credentials *rights, const char *path, char *line, size_t length)
{
    const int fd = log_file_open(rights, path);
    const bool written = fd >= 0 && write_line(fd, line, length);

    if (fd >= 0)
        close(fd);
    return written;
}

static size_t put_clean(char *to, size_t room, const char *text, size_t length)
{
    if (length > room)
        length = room;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i]);
    return length;
}

void log_line(const struct credentials *rights, const char *where, int standard_error, bool warning,
              const char *text, size_t length)
{
    const int priority = warning ? LOG_WARNING : LOG_INFO;
    const bool is_path = where && where[0] == '/';
    char line[LOG_LINE_LIMIT];
    const size_t stamp = is_path ? put_time(line) : 0;
    const size_t used = stamp + put_clean(line + stamp, sizeof line - 1 - stamp, text, length);

    if (where && strcmp(where, "none") == 0)
        return;
    if (where && strcmp(where, "stderr") == 0)
        to_terminal(standard_error, line, used);
    /* An unwritable file must not hide that a connection went on in plaintext. */
    else if (!is_path || !to_file(rights, where, line, used))
        to_syslog(line + stamp, used - stamp, priority);
}
