/*
 * Another thread calls shutdown() on the socket of a blocking connect() to end it. Both calls return, and the
 * socket can be used again.
 */
#include <pthread.h>

#include "twin.h"

static int fd;
static pid_t connecting;

/* Looks for this process's own descriptor number: the SYN may be sent before that is switched. */
static bool syn_sent(void)
{
    struct tcp_info info = {.tcpi_state = TCP_CLOSE};
    socklen_t length = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_SYN_SENT;
}

static void *call_off(void *unused)
{
    (void)unused;
    WAIT_FOR(syn_sent());
    wait_sleeping(connecting);
    SAY(shutdown(fd, SHUT_RDWR));
    return NULL;
}

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_slow(), other = twin_server();
    pthread_t thread;
    int error;
    connecting = getpid();
    fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_create(&thread, NULL, call_off, NULL);
    int result = connect(fd, SA(&server), sizeof server);
    error = errno;
    pthread_join(thread, NULL);
    errno = error;
    twin_result("connect", result);
    say_events("called off", fd);
    SAY(connect(fd, SA(&other), sizeof other));
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
