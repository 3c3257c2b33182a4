#include "relay/pair_identity.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/wire.h"

static bool option_is(int fd, int name, int wanted)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 && value == wanted;
}

/*
 * Calls fstat(2) directly, which the filter allows. libc turns it into fstatat(2) with an empty path (glibc
 * 2.33), which could look at any file. On 64-bit systems its structure is libc's.
 */
static bool status_of(int fd, struct stat *file)
{
#if defined SYS_fstat && __SIZEOF_POINTER__ == 8
    return syscall(SYS_fstat, fd, file) == 0;
#else
    return fstat(fd, file) == 0;
#endif
}

static bool cookie_is(int fd, uint64_t cookie)
{
    struct stat file;
    uint64_t shown = 0;
    socklen_t length = sizeof shown;

    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &shown, &length) == 0 && shown == cookie)
        return true;
    return status_of(fd, &file) && S_ISSOCK(file.st_mode) && (WIRE_COOKIE_OF_INODE | file.st_ino) == cookie;
}

bool pair_identity_of_relays_end(struct pair_identity *pair, int end, uint64_t cookie)
{
    socklen_t length = sizeof pair->maker;

    pair->cookie = cookie;
    return option_is(end, SO_DOMAIN, AF_UNIX) && option_is(end, SO_TYPE, SOCK_STREAM) &&
           getsockopt(end, SOL_SOCKET, SO_PEERCRED, &pair->maker, &length) == 0 &&
           length == sizeof pair->maker;
}

bool pair_identity_of_programs_end(struct pair_identity *pair, int end, uint64_t cookie)
{
    return pair_identity_of_relays_end(pair, end, cookie) && cookie_is(end, cookie);
}

bool pair_identity_is(const struct pair_identity *one, const struct pair_identity *other)
{
    return one->cookie == other->cookie && one->maker.pid == other->maker.pid &&
           one->maker.uid == other->maker.uid && one->maker.gid == other->maker.gid;
}
