/*
 * Another thread polls the socket while connect() is called. Its poll() returns when the connection is up.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "twin.h"

static int fd;
static volatile pid_t poller;
static unsigned polled;

static void *wait_for_it(void *unused)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    (void)unused;
    fcntl(fd, F_GETFD);
    poller = (pid_t)syscall(SYS_gettid);
    /* poll() reports HUP for the unconnected socket: skip that. */
    while (poll(&p, 1, 20000) == 1 && !(p.revents & POLLIN))
        ;
    polled = (unsigned short)(p.revents & (POLLIN | POLLERR | POLLHUP));
    return NULL;
}

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    pthread_t thread;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_create(&thread, NULL, wait_for_it, NULL);
    WAIT_FOR(poller != 0);
    SAY(connect(fd, SA(&server), sizeof server));
    pthread_join(thread, NULL);
    say("polled: %s", event_names(polled));
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
