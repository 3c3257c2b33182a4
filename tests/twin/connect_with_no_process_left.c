/*
 * RLIMIT_NPROC is reached. An ordinary user's process that can no longer fork still connects over TCP, and a
 * second connection works like the first.
 */
#include <sys/resource.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct rlimit limit = {1, 1};
    SAY(setrlimit(RLIMIT_NPROC, &limit));
    if (getuid() == 0)
        SAY(setresuid(65534, 65534, 65534));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    say("fork: %s", child < 0 ? error_name(errno) : "a child");
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    int second = twin_connect();
    SAY(write(second, "again", 5));
    SAY_PEER("expect 5");
    return 0;
}
