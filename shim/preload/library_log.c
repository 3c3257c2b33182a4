#include "preload/library_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "preload/descriptor/identity.h"
#include "preload/log_path.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { VALUE_LIMIT = 512 };

/* Text from outside must not be able to add a field or a line of its own. */
static void put_clean(struct strbuf *w, const char *text)
{
    for (int i = 0; text && text[i] && i < VALUE_LIMIT; i++)
        strbuf_byte(w, text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\' ? '?' : text[i]);
}

static void put_quoted(struct strbuf *w, const char *name, const char *text)
{
    strbuf_add(w, name);
    strbuf_byte(w, '"');
    put_clean(w, text);
    strbuf_byte(w, '"');
}

static const char *address_of(const struct guard_request *request, char text[INET6_ADDRSTRLEN])
{
    const struct wire_address *const a = &request->asked_address;

    return inet_ntop(a->family, a->bytes, text, INET6_ADDRSTRLEN) ? text : "unknown";
}

static const char *server_of(const struct guard_request *request, char text[INET6_ADDRSTRLEN])
{
    return request->asked.count > 0 ? request->asked.item[0] : address_of(request, text);
}

static const char *result_name(enum library_log_result result)
{
    return result == LIBRARY_LOG_PLAINTEXT ? "plaintext" : "failed";
}

void library_log_connection_fields(char out[LIBRARY_LOG_LINE_SIZE], const struct guard_request *request,
                                   enum library_log_result result, int64_t milliseconds, const char *error)
{
    char text[INET6_ADDRSTRLEN];
    struct strbuf w;

    strbuf_start(&w, out, LIBRARY_LOG_LINE_SIZE);
    strbuf_add(&w, "result=");
    strbuf_add(&w, result_name(result));
    put_quoted(&w, " program=", request->program);
    strbuf_add(&w, " pid=");
    strbuf_number(&w, sys_process());
    put_quoted(&w, " server=", server_of(request, text));
    strbuf_add(&w, " address=");
    strbuf_add(&w, address_of(request, text));
    strbuf_add(&w, " port=");
    strbuf_number(&w, request->asked_address.port);
    strbuf_add(&w, " protocol=");
    strbuf_add(&w, protocol_kind_name(request->settings.protocol));
    strbuf_add(&w, " level=");
    strbuf_add(&w, level_name(request->settings.level));
    strbuf_add(&w, request->settings.testing ? " testing=yes" : "");
    strbuf_add(&w, " ms=");
    strbuf_number(&w, (uint64_t)milliseconds);
    put_quoted(&w, " rule=", request->settings.rule);
    put_quoted(&w, " error=", error);
}

void library_log_connection_sentence(char out[LIBRARY_LOG_LINE_SIZE], const struct guard_request *request,
                                     enum library_log_result result, int64_t milliseconds, const char *error)
{
    char text[INET6_ADDRSTRLEN];
    struct strbuf w;

    strbuf_start(&w, out, LIBRARY_LOG_LINE_SIZE);
    strbuf_add(&w, "retrotls: ");
    put_clean(&w, server_of(request, text));
    strbuf_byte(&w, ':');
    strbuf_number(&w, request->asked_address.port);
    strbuf_byte(&w, ' ');
    strbuf_add(&w, protocol_kind_name(request->settings.protocol));
    strbuf_byte(&w, ' ');
    strbuf_add(&w, level_name(request->settings.level));
    strbuf_byte(&w, ' ');
    strbuf_add(&w, result_name(result));
    strbuf_add(&w, ": ");
    put_clean(&w, error);
    strbuf_add(&w, ", ");
    strbuf_number(&w, (uint64_t)milliseconds);
    strbuf_add(&w, " ms");
}

static void put_two(struct strbuf *w, int64_t number, char before)
{
    strbuf_byte(w, before);
    strbuf_byte(w, (char)('0' + number / 10 % 10));
    strbuf_byte(w, (char)('0' + number % 10));
}

void library_log_time(char out[LIBRARY_LOG_TIME_SIZE], int64_t seconds)
{
    /* Days to a date of the Gregorian calendar, counted from 0000-03-01 so that a leap day ends its year. */
    enum { DAYS_BEFORE_1970 = 719468, ERA = 146097 /* days of 400 years */ };
    const int64_t days = seconds / 86400 + DAYS_BEFORE_1970, rest = seconds % 86400;
    const int64_t of_era = days % ERA;
    const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t from_march = (5 * of_year + 2) / 153;
    const int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    struct strbuf w;

    strbuf_start(&w, out, LIBRARY_LOG_TIME_SIZE);
    strbuf_number(&w, (uint64_t)(days / ERA * 400 + year_of_era + (month <= 2)));
    put_two(&w, month, '-');
    put_two(&w, of_year - (153 * from_march + 2) / 5 + 1, '-');
    put_two(&w, rest / 3600, 'T');
    put_two(&w, rest / 60 % 60, ':');
    put_two(&w, rest % 60, ':');
    strbuf_byte(&w, 'Z');
}

static struct iovec piece(const char *text)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
}

/*
 * RFC 3164 without the time: whoever reads /dev/log adds its own (4.3.2 there). If the queue is full, we lose
 * the line rather than hold the program up.
 */
static void to_syslog(const char *line)
{
    enum { MAIL_WARNING = 2 << 3 | 4 };
    static const struct sockaddr_un logger = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char tag[64];
    struct strbuf w;
    struct iovec pieces[2];
    struct msghdr header = {.msg_name = (void *)(uintptr_t)&logger,
                            .msg_namelen = sizeof logger,
                            .msg_iov = pieces,
                            .msg_iovlen = 2};
    const int fd = sys_lift(sys_socket(AF_UNIX, SOCK_DGRAM, 0));

    if (fd < 0)
        return;
    strbuf_start(&w, tag, sizeof tag);
    strbuf_byte(&w, '<');
    strbuf_number(&w, MAIL_WARNING);
    strbuf_add(&w, ">retrotls[");
    strbuf_number(&w, sys_process());
    strbuf_add(&w, "]: ");
    pieces[0] = piece(tag);
    pieces[1] = piece(line);
    sys_sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    sys_close(fd);
}

/*
 * A failed write may raise a signal (SIGXFSZ if the file has reached RLIMIT_FSIZE). It would end the program,
 * which has written nothing, so we take it back.
 */
static bool write_quietly(int fd, const struct iovec *pieces, int count)
{
    static const struct {
        long seconds, nanoseconds;
    } at_once;
    const sys_signals signals = sys_signals_block();
    uint64_t pending = 0, raised = 0;

    sys_call(SYS_rt_sigpending, &pending, sizeof pending);
    if (sys_writev(fd, pieces, count) < 0)
        raised = UINT64_C(1) << ((errno == EFBIG ? SIGXFSZ : SIGPIPE) - 1);
    if (raised & ~pending)
        sys_call(SYS_rt_sigtimedwait, &raised, NULL, &at_once, sizeof raised);
    sys_signals_restore(signals);
    return raised == 0;
}

/* In one write, so that lines of several processes do not mix. */
static bool to_descriptor(int fd, const char *before, const char *line)
{
    const struct iovec pieces[] = {piece(before), piece(line), piece("\n")};
    struct pollfd out = {.fd = fd, .events = POLLOUT};

    /* A full pipe would hold the program up. */
    return sys_poll(&out, 1, 0) == 1 && out.revents == POLLOUT &&
           write_quietly(fd, pieces, sizeof pieces / sizeof pieces[0]);
}

/* False if we cannot write to it, or it is full. */
static bool to_file(const char *path, const char *fields)
{
    char stamp[LIBRARY_LOG_TIME_SIZE], before[LIBRARY_LOG_TIME_SIZE + 8];
    struct strbuf w;
    bool written;
    const int fd = log_path_open(path);

    if (fd < 0)
        return false;
    library_log_time(stamp, sys_time());
    strbuf_start(&w, before, sizeof before);
    strbuf_add(&w, "time=");
    strbuf_add(&w, stamp);
    strbuf_byte(&w, ' ');
    written = to_descriptor(fd, before, fields);
    sys_close(fd);
    return written;
}

bool library_log_has_stderr(void)
{
    const int domain = sys_option(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, -1);
    struct identity id;

    if (domain < 0)
        return errno == ENOTSOCK;
    return domain == AF_UNIX && !identity_of(STDERR_FILENO, &id);
}

void library_log_connection(const struct guard_request *request, enum library_log_result result,
                            int64_t milliseconds, const char *error)
{
    const char *const to = request->settings.log;
    const int saved = errno;
    char line[LIBRARY_LOG_LINE_SIZE];

    if (to && strcmp(to, "stderr") == 0) {
        library_log_connection_sentence(line, request, result, milliseconds, error);
        if (library_log_has_stderr())
            to_descriptor(STDERR_FILENO, "", line);
    } else if (!to || strcmp(to, "none") != 0) {
        library_log_connection_fields(line, request, result, milliseconds, error);
        if (!to || to[0] != '/' || !to_file(to, line))
            to_syslog(line);
    }
    errno = saved;
}
