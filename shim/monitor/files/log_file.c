#include "monitor/files/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "policy/log_path.h"
#include "policy/runtime_log.h"
#include "wire/clean.h"

int log_file_open(const struct credentials *rights, const char *path)
{
    int fd;

    if (!credentials_take_on(rights))
        return -1;
    fd = log_path_open(path, (uint32_t)rights->user);
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

/* Sends what syslog(3) sends, but never waits for a logger that does not read. False if nobody took it. */
static bool to_syslog(const char *line, size_t length, int priority)
{
    static const struct sockaddr_un logger = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char message[LOG_LINE_LIMIT + 64], stamp[32] = "";
    const time_t now = time(NULL);
    struct iovec bytes;
    const struct msghdr datagram = {
        .msg_name = (void *)&logger, .msg_namelen = sizeof logger, .msg_iov = &bytes, .msg_iovlen = 1};
    struct tm tm;
    bool sent = false;
    int fd, n;

    if (localtime_r(&now, &tm))
        strftime(stamp, sizeof stamp, "%b %e %T", &tm);
    n = snprintf(message, sizeof message, "<%d>%s retrotls[%d]: %.*s", LOG_MAIL | priority, stamp,
                 (int)getpid(), (int)length, line);
    /* sendmsg(2), because a supervisor of the program sees sendto(2) to an address. */
    bytes = (struct iovec){.iov_base = message, .iov_len = (size_t)n};
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        sent = sendmsg(fd, &datagram, MSG_NOSIGNAL) >= 0;
        close(fd);
    }
    return sent;
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

static bool to_file(int fd, char *line, size_t length)
{
    const bool written = fd >= 0 && write_line(fd, line, length);

    if (fd >= 0)
        close(fd);
    return written;
}

static int runtime_log(const struct credentials *rights)
{
    int fd;

    if (!credentials_take_on(rights))
        return -1;
    fd = runtime_log_open((uint32_t)rights->user);
    credentials_return();
    return fd;
}

/* Writes a line that no logger takes. */
static void to_nobody(const struct credentials *rights, int standard_error, const char *text, size_t length)
{
    static const char name[] = "retrotls: ";
    char line[sizeof name + LOG_LINE_LIMIT];
    const size_t stamp = put_time(line), room = sizeof line - 1;
    const size_t used = length < room - stamp ? length : room - stamp;

    memcpy(line + stamp, text, used);
    to_file(runtime_log(rights), line, stamp + used);
    memcpy(line, name, sizeof name - 1);
    memcpy(line + sizeof name - 1, text, used);
    to_terminal(standard_error, line, sizeof name - 1 + used);
}

void log_line(const struct credentials *rights, const char *where, int standard_error, bool warning,
              const char *text, size_t length)
{
    const int priority = warning ? LOG_WARNING : LOG_INFO;
    const bool is_path = where && where[0] == '/';
    char line[LOG_LINE_LIMIT];
    const size_t stamp = is_path ? put_time(line) : 0;
    const size_t used =
        stamp + clean_copy(line + stamp, sizeof line - 1 - stamp, text, length, CLEAN_PRINTABLE);

    if (where && strcmp(where, "none") == 0)
        return;
    if (where && strcmp(where, "stderr") == 0)
        to_terminal(standard_error, line, used);
    /* An unwritable file must not hide that a connection went on in plaintext. */
    else if ((!is_path || !to_file(log_file_open(rights, where), line, used)) &&
             !to_syslog(line + stamp, used - stamp, priority))
        to_nobody(rights, standard_error, line + stamp, used - stamp);
}

/* ---- rotation ---- */

/*
 * True if the open file is the user's, is large, and still has its name. Only who holds its lock renames it,
 * so nobody renames the file that another process has begun since.
 */
static bool is_to_rotate(int fd, const char *path, uint32_t user)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && opened.st_uid == user &&
           opened.st_size >= RUNTIME_LOG_ROTATED && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
           lstat(path, &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

void log_file_rotate(const char *path, uint32_t user)
{
    char old[PATH_MAX];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return;
    snprintf(old, sizeof old, "%s" RUNTIME_LOG_OLD, path);
    if (is_to_rotate(fd, path, user))
        (void)rename(path, old);
    close(fd);
}

void log_rotate_runtime(void)
{
    char path[RUNTIME_LOG_PATH];

    for (unsigned i = 0; i < RUNTIME_LOG_PLACES; i++) {
        runtime_log_path(path, i, (uint32_t)geteuid());
        log_file_rotate(path, (uint32_t)geteuid());
    }
}

bool log_has_logger(void)
{
    return system_logger_is_there();
}
