/*
 * A subreaper (systemd's user instance, a container's init) adopts orphans among its descendants. It must not
 * get anything that connect() started.
 */
#include <sys/prctl.h>

#include "twin.h"

int main(void)
{
    twin_start();
    SAY(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    int fd = twin_connect(), status, reaper = 0;
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(prctl(PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0));
    say("a subreaper: %d", reaper);
    SAY(waitpid(-1, &status, __WALL | WNOHANG));
    pid_t child = fork();
    if (child == 0) {
        int mine = twin_connect();
        SAY(write(mine, "child", 5));
        SAY_PEER("expect 5");
        _exit(0);
    }
    wait_child(child);
    SAY(waitpid(-1, &status, __WALL | WNOHANG));
    return 0;
}
