#include "preload/guard/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

#include "preload/descriptor/identity.h"
#include "preload/sys/proc.h"
#include "preload/sys/sys.h"

enum { OPTION_FASTOPEN_KEY = 33 };

/* As long as a TCP_FASTOPEN_KEY. */
struct note {
    char title[8];
    uint64_t cookie;
};

static const char title[8] = "retrotls";

void replaced_set(int fd, uint64_t cookie)
{
    struct note note = {.cookie = cookie};

    memcpy(note.title, title, sizeof title);
    sys_setsockopt(fd, IPPROTO_TCP, OPTION_FASTOPEN_KEY, &note, sizeof note);
}

static bool read_note(int fd, struct note *note)
{
    const int saved = errno;
    socklen_t length = sizeof *note;
    const bool good = sys_getsockopt(fd, IPPROTO_TCP, OPTION_FASTOPEN_KEY, note, &length) == 0 &&
                      length == sizeof *note && memcmp(note->title, title, sizeof title) == 0;

    errno = saved;
    return good;
}

bool replaced_is(int fd)
{
    struct note note;

    return read_note(fd, &note);
}

/* What /proc/net/unix shows of one connection. */
struct ends {
    uint64_t cookie;
    bool has_program, has_outcome;
    enum outcome_state outcome;
};

/* "NUM: REFCOUNT ... INODE PATH", where '@' stands for the NUL of an abstract name (proc(5)). */
static void read_line(struct ends *ends, const char *line, const char *end)
{
    const char *const path = memchr(line, '@', (size_t)(end - line));
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct peer_state peer;
    struct identity id;
    uint64_t cookie;
    socklen_t length;

    if (!path || (size_t)(end - path) > sizeof name.sun_path)
        return;
    memcpy(name.sun_path + 1, path + 1, (size_t)(end - path) - 1);
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)(end - path));
    if (identity_read(&id, &name, length) && id.cookie == ends->cookie)
        ends->has_program = true;
    if (identity_read_peer(&peer, &cookie, &name, length) && cookie == ends->cookie) {
        ends->has_outcome = true;
        ends->outcome = peer.state;
    }
}

static void read_names(struct ends *ends, int names)
{
    char buffer[1024];
    size_t used = 0;
    ssize_t got;

    while (used < sizeof buffer && (got = sys_read(names, buffer + used, sizeof buffer - used)) > 0) {
        char *line = buffer, *end;

        used += (size_t)got;
        for (; (end = memchr(line, '\n', (size_t)(buffer + used - line))); line = end + 1)
            read_line(ends, line, end);
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
    }
}

int replaced_state(int fd)
{
    const int saved = errno;
    struct ends ends = {.has_program = false};
    struct note note;
    int names;

    if (!read_note(fd, &note))
        return TCP_CLOSE;
    ends.cookie = note.cookie;
    names = sys_lift(proc_open("net/unix", O_RDONLY));
    if (names >= 0) {
        read_names(&ends, names);
        sys_close(names);
    }
    errno = saved;
    if (!ends.has_program)
        return TCP_CLOSE;
    if (!ends.has_outcome)
        return TCP_SYN_SENT;
    return ends.outcome == OUTCOME_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
}
