/*
 * RLIMIT_NOFILE is reached. TCP connects. A switched socket needs a pair that it cannot get, so connect()
 * fails before a packet is sent. When there is room again, the same socket connects.
 *
 *     plain:    first connect() = 0
 *     switched: first connect() = -1 EMFILE
 *     because a guarded connection needs descriptors for a moment, and without them it must not go out.
 *     plain:    second connect() = -1 EISCONN
 *     switched: second connect() = 0
 *     because of the first.
 */
#include <sys/resource.h>

#include "twin.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit limit = {(rlim_t)fd + 1, (rlim_t)fd + 64};
    SAY(setrlimit(RLIMIT_NOFILE, &limit));
    SAY_AS("first connect()", connect(fd, SA(&server), sizeof server));
    limit.rlim_cur = limit.rlim_max;
    SAY(setrlimit(RLIMIT_NOFILE, &limit));
    SAY_AS("second connect()", connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY_PEER("accepted 1");
    return 0;
}
