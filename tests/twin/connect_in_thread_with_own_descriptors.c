/*
 * A thread has its own descriptors (unshare(2), CLONE_FILES). The numbers of a socket must be those that this
 * thread sees, not those in /proc/self, which are the first thread's.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>

#include "twin.h"

static void *own(void *argument)
{
    (void)argument;
    SAY(unshare(CLONE_FILES));
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy = fcntl(fd, F_DUPFD, 100), set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, seen;
    SAY(epoll_ctl(set, EPOLL_CTL_ADD, copy, &event));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(epoll_wait(set, &seen, 1, 20000));
    twin_greeting(fd);
    SAY(epoll_wait(set, &seen, 1, 0));
    SAY(write(copy, "hello", 5));
    SAY_PEER("expect 5");
    return NULL;
}

int main(void)
{
    twin_start();
    pthread_t thread;
    pthread_create(&thread, NULL, own, NULL);
    pthread_join(thread, NULL);
    return 0;
}
