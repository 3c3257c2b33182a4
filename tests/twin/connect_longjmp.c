/*
 * A handler jumps out of a blocking connect() with siglongjmp(), as old timeouts do. The descriptor stays
 * pending, the next connection on a new descriptor works, and nothing leaks.
 *
 *     plain:    descriptors more than before: 0
 *     switched: descriptors more than before: 1
 *     because the next connect() gives back what the last one waited on, however many were left.
 */
#include <setjmp.h>

#include "twin.h"

static sigjmp_buf out;

static void handler(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

int main(void)
{
    twin_start();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    struct sockaddr_in server = twin_slow();
    close(twin_connect());
    int before = open_descriptors();
    for (volatile int i = 0; i < 5; i++) {
        volatile int fd = socket(AF_INET, SOCK_STREAM, 0);
        volatile pid_t child = 0;
        if (sigsetjmp(out, 1) == 0) {
            child = alarm_when_connecting(ALARM_ONCE);
            SAY(connect(fd, SA(&server), sizeof server));
        } else {
            say("jumped");
        }
        end_alarm(child);
        SAY(close(fd));
    }
    say("descriptors more than before: %d", open_descriptors() - before);
    server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    SAY(close(fd));
    say("descriptors more than at first: %d", open_descriptors() - before);
    return 0;
}
