#include "preload/sys/environment.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/sys/sys.h"

struct entry {
    unsigned long type, value; /* proc(5), /proc/PID/auxv: of the program's own word size */
};

/* If the kernel keeps the program out of its user's reach, the file belongs to root and open(2) fails. */
static bool read_value(unsigned long type, unsigned long *value)
{
    struct entry entry = {.type = AT_NULL};
    const int fd = sys_open("/proc/self/auxv", O_RDONLY, 0);
    bool found = false;

    while (fd >= 0 && !found && sys_read(fd, &entry, sizeof entry) == (ssize_t)sizeof entry &&
           entry.type != AT_NULL)
        found = entry.type == type;
    if (fd >= 0)
        sys_close(fd);
    *value = entry.value;
    return found;
}

static unsigned long value_of(unsigned long type, unsigned long otherwise)
{
    void *const found = dlsym(RTLD_DEFAULT, "getauxval");
    unsigned long (*getauxval)(unsigned long type);
    const int saved = errno;
    unsigned long value;

    if (found) {
        memcpy(&getauxval, &found, sizeof found);
        value = getauxval(type);
    } else if (!read_value(type, &value)) {
        value = otherwise;
    }
    errno = saved;
    return value;
}

bool environment_is_secure(void)
{
    static int secure = -1; /* only ever set to the one value that it can have */

    if (secure < 0)
        secure = value_of(AT_SECURE, 1) != 0;
    return secure;
}

bool environment_is_roots(void)
{
    return value_of(AT_EUID, geteuid()) == 0;
}

const char *environment_value(const char *name)
{
    return environment_is_secure() ? NULL : getenv(name);
}
