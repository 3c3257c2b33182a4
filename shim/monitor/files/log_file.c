#include "monitor/files/log_file.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "policy/log_path.h"
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

/* Sends what syslog(3) sends, but never waits for a logger that does not read. */
static void to_syslog(const char *line, size_t length, int priority)
{
    static const struct sockaddr_un logger = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char message[LOG_LINE_LIMIT + 64], stamp[32] = "";
    const time_t now = time(NULL);
    struct iovec bytes;
    const struct msghdr datagram = {
        .msg_name = (void *)&logger, .msg_namelen = sizeof logger, .msg_iov = &bytes, .msg_iovlen = 1};
    struct tm tm;
    int fd, n;

    if (localtime_r(&now, &tm))
        strftime(stamp, sizeof stamp, "%b %e %T", &tm);
    n = snprintf(message, sizeof message, "<%d>%s retrotls[%d]: %.*s", LOG_MAIL | priority, stamp,
                 (int)getpid(), (int)length, line);
    /* sendmsg(2), because a supervisor of the program sees sendto(2) to an address. */
    bytes = (struct iovec){.iov_base = message, .iov_len = (size_t)n};
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        sendmsg(fd, &datagram, MSG_NOSIGNAL);
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
    else if (!is_path || !to_file(rights, where, line, used))
        to_syslog(line + stamp, used - stamp, priority);
}
