#include "preload/sys/account.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

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

bool account_of(uint32_t uid, struct account *account)
{
    static char buffer[4096];
    size_t used = 0, total = 0;
    bool found = false;
    ssize_t got;
    const int fd = sys_open("/etc/passwd", O_RDONLY, 0);

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
