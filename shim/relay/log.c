#include "relay/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_LIMIT = 512 }; /* bytes of one value */

struct text {
    char *to;
    size_t size, used;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *t, const char *format, ...)
{
    va_list words;
    int n;

    va_start(words, format);
    n = vsnprintf(t->to + t->used, t->size - t->used, format, words);
    va_end(words);
    if (n > 0)
        t->used += (size_t)n < t->size - t->used ? (size_t)n : t->size - t->used - 1;
}

/* As clean_text() does, but longer: paths and our own failures' texts, which hold cleaned words already. */
static void add_clean(struct text *t, const char *value)
{
    const size_t limit = t->used + VALUE_LIMIT < t->size - 1 ? t->used + VALUE_LIMIT : t->size - 1;

    for (; value && *value && t->used < limit; value++) {
        const char c = *value;

        t->to[t->used++] = c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '?' : c;
    }
    t->to[t->used] = '\0';
}

static void add_quoted(struct text *t, const char *key, const char *value)
{
    add(t, " %s=\"", key);
    add_clean(t, value);
    add(t, "\"");
}

static const char *result_name(const struct log_line *l)
{
    static const char names[][12] = {"tls", "plaintext", "failed"};

    return names[l->result];
}

static const char *address_text(char text[INET6_ADDRSTRLEN], const struct wire_address *address)
{
    return inet_ntop(address->family, address->bytes, text, INET6_ADDRSTRLEN) ? text : "unknown";
}

size_t log_fields(char *to, size_t size, const struct log_line *l)
{
    struct text t = {.to = to, .size = size};
    char address[INET6_ADDRSTRLEN];

    add(&t, "result=%s", result_name(l));
    add_quoted(&t, "program", l->program);
    add(&t, " pid=%u", l->pid);
    add_quoted(&t, "server", l->server);
    add(&t, " address=%s port=%u protocol=%s level=%s", address_text(address, &l->address), l->address.port,
        l->protocol, level_name(l->level));
    if (l->testing)
        add(&t, " testing=yes");
    if (l->result == RESULT_TLS) {
        add(&t, " version=%s cipher=%s resumed=%s", l->version, l->cipher, l->resumed ? "yes" : "no");
        add_quoted(&t, "verified", l->verified);
    }
    add(&t, " ms=%lld", (long long)l->milliseconds);
    add_quoted(&t, "rule", l->rule);
    if (l->error[0])
        add_quoted(&t, "error", l->error);
    return t.used;
}

size_t log_sentence(char *to, size_t size, const struct log_line *l)
{
    struct text t = {.to = to, .size = size};

    add(&t, "retrotls: ");
    add_clean(&t, l->server);
    add(&t, ":%u %s %s%s ", l->address.port, l->protocol, level_name(l->level), l->testing ? " testing" : "");
    if (l->result == RESULT_TLS)
        add(&t, "%s %s %s", l->version, l->cipher, l->verified[0] ? "verified " : "not verified");
    else
        add(&t, "%s", result_name(l));
    if (l->result == RESULT_TLS)
        add_clean(&t, l->verified);
    if (l->error[0]) {
        add(&t, ": ");
        add_clean(&t, l->error);
    }
    add(&t, "%s %lld ms", l->error[0] ? "," : "", (long long)l->milliseconds);
    return t.used;
}

/* What syslog(3) sends, but never waiting for a logger that does not read. */
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

/* One write, so that lines of several relays do not mix. */
static bool write_line(int fd, char *line, size_t length)
{
    ssize_t written;

    line[length] = '\n';
    do
        written = write(fd, line, length + 1);
    while (written < 0 && errno == EINTR);
    return written >= 0;
}

int log_open(const char *path)
{
    /* O_NONBLOCK: a FIFO that nobody reads must not hold the connection up. */
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

static bool write_file(const char *path, int opened, char *line, size_t length)
{
    const int fd = opened >= 0 ? opened : log_open(path);
    const bool written = fd >= 0 && write_line(fd, line, length);

    if (fd >= 0 && fd != opened)
        close(fd);
    return written;
}

static void to_terminal(int fd, char *line, size_t length)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    /* A pipe with room for at least PIPE_BUF, a terminal that is not stopped (pipe(7)). */
    if (poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT)
        write_line(fd, line, length);
}

/* The time of a line in a file, which has to be told in the line itself. */
static size_t put_time(char *line)
{
    const time_t now = time(NULL);
    struct tm tm;

    return gmtime_r(&now, &tm) ? strftime(line, LOG_LINE_LIMIT, "time=%FT%TZ ", &tm) : 0;
}

/*
 * `line` begins with put_time(), `stamp` bytes. A file that cannot be written (another user's, a full disk)
 * must not hide that a connection went on in plaintext.
 */
static void to_file(const char *path, int opened, char *line, size_t stamp, size_t length, int priority)
{
    if (!write_file(path, opened, line, length))
        to_syslog(line + stamp, length - stamp, priority);
}

void log_write(const char *where, int opened, const struct log_line *l)
{
    const int priority = l->result != RESULT_TLS || l->error[0] ? LOG_WARNING : LOG_INFO;
    char line[LOG_LINE_LIMIT + 1];
    size_t stamp, length;

    if (where && strcmp(where, "none") == 0)
        return;
    if (where && strcmp(where, "stderr") == 0) {
        length = log_sentence(line, LOG_LINE_LIMIT, l);
        to_terminal(opened, line, length);
    } else if (where && where[0] == '/') {
        stamp = put_time(line);
        length = stamp + log_fields(line + stamp, LOG_LINE_LIMIT - stamp, l);
        to_file(where, opened, line, stamp, length, priority);
    } else {
        length = log_fields(line, LOG_LINE_LIMIT, l);
        to_syslog(line, length, priority);
    }
}

void log_warning(const char *where, int opened, const char *text)
{
    char line[LOG_LINE_LIMIT + 1];
    struct text t = {.to = line, .size = LOG_LINE_LIMIT};

    if (where && strcmp(where, "none") == 0)
        return;
    if (where && strcmp(where, "stderr") == 0) {
        add(&t, "retrotls: %s", text);
        to_terminal(opened, line, t.used);
    } else if (where && where[0] == '/') {
        const size_t stamp = t.used = put_time(line);

        add(&t, "warning=\"%s\"", text);
        to_file(where, opened, line, stamp, t.used, LOG_WARNING);
    } else {
        add(&t, "warning=\"%s\"", text);
        to_syslog(line, t.used, LOG_WARNING);
    }
}
