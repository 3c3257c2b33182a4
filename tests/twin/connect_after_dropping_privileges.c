/*
 * A daemon that started as root and became an ordinary user connects before and after. An option that it may
 * no longer set on a socket, it may not set on the connection that it made as root either.
 */
#include <grp.h>

#include "options.h"

int main(void)
{
    twin_start();
    if (getuid() != 0)
        twin_skip("needs root");
    int fd = twin_connect();
    SAY(setgroups(0, NULL));
    SAY(setresgid(65534, 65534, 65534));
    SAY(setresuid(65534, 65534, 65534));
    say_set_option(fd, SOL_SOCKET, SO_MARK, 7);
    say_set_option(fd, SOL_SOCKET, SO_PRIORITY, 7);
    say("mark %d, priority %d", option(fd, SOL_SOCKET, SO_MARK), option(fd, SOL_SOCKET, SO_PRIORITY));
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    fd = twin_connect();
    SAY(write(fd, "again", 5));
    SAY_PEER("expect 5");
    return 0;
}
