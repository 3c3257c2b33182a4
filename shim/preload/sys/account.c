#include "preload/sys/account.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "preload/sys/sys.h"

enum { FIELDS = 7, FIELD_NAME = 0, FIELD_UID = 2, FIELD_HOME = 5, FILE_LIMIT = 16 << 20 };

struct span {
    const char *from, *end;
};

static bool is_number(struct span field, uint32_t number)
{
    uint64_t value = 0;

    if (field.from == field.end || field.end - field.from > 10)
        return false;
    for (const char *at = field.from; at < field.end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    return value == number;
}

static bool copy(struct span field, char *to, size_t size)
{
    const size_t length = (size_t)(field.end - field.from);

    if (length == 0 || length >= size)
        return false;
    memcpy(to, field.from, length);
    to[length] = '\0';
    return true;
}

bool account_read_line(const char *line, const char *end, uint32_t uid, struct account *account)
{
    struct span field[FIELDS];
    int count = 0;

    for (const char *at = line; count < FIELDS; count++) {
        const char *stop = at < end ? memchr(at, ':', (size_t)(end - at)) : NULL;

        if (!stop)
            stop = end;
        field[count] = (struct span){at, stop};
        if (stop == end) {
            count++;
            break;
        }
        at = stop + 1;
    }
    if (count <= FIELD_HOME || !is_number(field[FIELD_UID], uid))
        return false;
    if (!copy(field[FIELD_HOME], account->home, sizeof account->home))
        account->home[0] = '\0';
    return copy(field[FIELD_NAME], account->name, sizeof account->name);
}

static char *kept; /* the whole file, once account_keep_all() was called */
static size_t kept_length;

static bool find_kept(uint32_t uid, struct account *account)
{
    const char *line = kept, *end;

    while ((end = memchr(line, '\n', (size_t)(kept + kept_length - line)))) {
        if (account_read_line(line, end, uid, account))
            return true;
        line = end + 1;
    }
    return false;
}

void account_keep_all(void)
{
    const int fd = kept ? -1 : sys_open("/etc/passwd", O_RDONLY, 0);
    const long length = fd >= 0 ? sys_call(SYS_lseek, fd, 0, SEEK_END) : -1;
    long used = 0;
    ssize_t got;
    char *room = MAP_FAILED;

    if (length > 0 && length < FILE_LIMIT && sys_call(SYS_lseek, fd, 0, SEEK_SET) == 0)
        room = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room != MAP_FAILED) {
        while (used < length && (got = sys_read(fd, room + used, (size_t)(length - used))) > 0)
            used += got;
        kept_length = (size_t)used;
        kept = room;
    }
    if (fd >= 0)
        sys_close(fd);
}

bool account_of(uint32_t uid, struct account *account)
{
    static char buffer[4096];
    size_t used = 0, total = 0;
    bool found = false;
    ssize_t got;
    int fd;

    if (kept)
        return find_kept(uid, account);
    fd = sys_open("/etc/passwd", O_RDONLY, 0);
    if (fd < 0)
        return false;
    while (!found && total < FILE_LIMIT && (got = sys_read(fd, buffer + used, sizeof buffer - used)) > 0) {
        char *line = buffer, *end;

        used += (size_t)got;
        total += (size_t)got;
        while (!found && (end = memchr(line, '\n', (size_t)(buffer + used - line)))) {
            found = account_read_line(line, end, uid, account);
            line = end + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
        if (used == sizeof buffer)
            used = 0; /* a line too long to be an account's */
    }
    sys_close(fd);
    return found;
}
