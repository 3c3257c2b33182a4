#include "preload/process/library_log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "policy/log_path.h"
#include "policy/readfile.h"
#include "policy/runtime_log.h"
#include "preload/descriptor/identity.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"
#include "wire/text_builder.h"

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
 * Writes a message of RFC 3164 without the time: the reader of /dev/log adds its own (4.3.2 there). If the
 * queue is full, we lose the line rather than make the program wait.
 */
static bool to_syslog(const char *line, bool warning)
{
    enum { MAIL_WARNING = 2 << 3 | 4, MAIL_INFO = 2 << 3 | 6 };
    static const struct sockaddr_un logger = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char tag[64];
    struct strbuf w;
    struct iovec pieces[2];
    struct msghdr header = {.msg_name = (void *)(uintptr_t)&logger,
                            .msg_namelen = sizeof logger,
                            .msg_iov = pieces,
                            .msg_iovlen = 2};
    const int fd = sys_lift(sys_socket(AF_UNIX, SOCK_DGRAM, 0));
    bool sent;

    if (fd < 0)
        return false;
    strbuf_start(&w, tag, sizeof tag);
    strbuf_byte(&w, '<');
    strbuf_number(&w, warning ? MAIL_WARNING : MAIL_INFO);
    strbuf_add(&w, ">retrotls[");
    strbuf_number(&w, sys_process());
    strbuf_add(&w, "]: ");
    pieces[0] = piece(tag);
    pieces[1] = piece(line);
    sent = sys_sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    sys_close(fd);
    return sent;
}

/*
 * Writes, and discards a signal that a failed write may raise (SIGXFSZ if the file has reached RLIMIT_FSIZE).
 * The signal would end the program, although the program itself has written nothing.
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

/* Uses a single write, so that lines of several processes do not mix. */
static bool to_descriptor(int fd, const char *before, const char *line)
{
    const struct iovec pieces[] = {piece(before), piece(line), piece("\n")};
    struct pollfd out = {.fd = fd, .events = POLLOUT};

    /* With a full pipe, the program would have to wait. */
    return sys_poll(&out, 1, 0) == 1 && out.revents == POLLOUT &&
           write_quietly(fd, pieces, sizeof pieces / sizeof pieces[0]);
}

/* Returns false if we cannot write to the file, or it is full. Closes it. */
static bool to_file(int fd, const char *fields)
{
    char stamp[LIBRARY_LOG_TIME_SIZE], before[LIBRARY_LOG_TIME_SIZE + 8];
    struct strbuf w;
    bool written;

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

static bool has_stderr(void)
{
    const int domain = sys_option(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, -1);
    struct identity id;

    if (domain < 0)
        return errno == ENOTSOCK;
    return domain == AF_UNIX && !identity_of(STDERR_FILENO, &id);
}

/*
 * True if standard error can have lines that nobody asked for: it is a pipe, and not where the program's
 * output goes. A terminal may belong to a full-screen program, a socket to a server's client (inetd(8)), and
 * a file to a file system that hangs.
 */
static bool has_spare_stderr(void)
{
    struct file_facts of_error, of_output;

    if (file_facts_of(STDERR_FILENO, &of_error) != 0 || !S_ISFIFO(of_error.mode))
        return false;
    return file_facts_of(STDOUT_FILENO, &of_output) != 0 || of_output.device != of_error.device ||
           of_output.inode != of_error.inode;
}

static void to_nobody(const char *text)
{
    to_file(sys_lift(runtime_log_open((uint32_t)geteuid())), text);
    if (has_spare_stderr())
        to_descriptor(STDERR_FILENO, "retrotls: ", text);
}

static bool is_for_person(const char *to)
{
    return to && strcmp(to, "stderr") == 0;
}

bool library_log_may_use_stderr(const char *log)
{
    if (is_for_person(log))
        return has_stderr();
    return (!log || strcmp(log, "syslog") == 0) && !system_logger_is_there() && has_spare_stderr();
}

/* Writes `text`, for a person or for machines. */
static void write_line(const char *to, const char *text, bool warning)
{
    if (is_for_person(to)) {
        if (has_stderr())
            to_descriptor(STDERR_FILENO, "", text);
    } else if (!to || strcmp(to, "none") != 0) {
        const bool in_file =
            to && to[0] == '/' && to_file(sys_lift(log_path_open(to, (uint32_t)geteuid())), text);

        if (!in_file && !to_syslog(text, warning))
            to_nobody(text);
    }
}

void library_log_compose(struct library_log_line *composed, const struct guard_request *request,
                         enum log_result result, int64_t milliseconds, const char *error)
{
    const struct settings *const settings = &request->settings;
    const struct log_line line = {
        .program = request->program,
        .pid = request->pid != 0 ? request->pid : sys_process(),
        .server = request->asked.count > 0 ? request->asked.item[0] : NULL,
        .address = request->asked_address,
        .protocol = protocol_kind_name(settings->protocol),
        .level = settings->level,
        .testing = settings->testing,
        .result = result,
        .milliseconds = milliseconds,
        .rule = settings->rule,
        .error = error,
    };

    composed->to = settings->log;
    composed->result = result;
    if (is_for_person(composed->to))
        log_line_sentence(composed->text, sizeof composed->text, &line);
    else
        log_line_fields(composed->text, sizeof composed->text, &line);
}

void library_log_write(const struct library_log_line *line)
{
    const int saved = errno;

    write_line(line->to, line->text, line->result != RESULT_UNGUARDED);
    errno = saved;
}

void library_log_connection(const struct guard_request *request, enum log_result result, int64_t milliseconds,
                            const char *error)
{
    struct library_log_line line;

    library_log_compose(&line, request, result, milliseconds, error);
    library_log_write(&line);
}

void library_log_warning(const char *to, const char *words, char room[LIBRARY_LOG_LINE_SIZE])
{
    const int saved = errno;
    struct text t = text_in(room, LIBRARY_LOG_LINE_SIZE);

    text_add(&t, is_for_person(to) ? "retrotls: " : "warning=\"");
    text_add_quotable(&t, words, LIBRARY_LOG_LINE_SIZE - 16);
    text_add(&t, is_for_person(to) ? "" : "\"");
    write_line(to, room, true);
    errno = saved;
}
