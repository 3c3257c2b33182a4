/*
 * After leaving a blocking connect() by siglongjmp(), the program keeps using the descriptor. It is pending,
 * becomes a connection when TCP is up, and its first bytes are the server's greeting.
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
    volatile int fd = socket(AF_INET, SOCK_STREAM, 0);
    volatile pid_t child = 0;
    if (sigsetjmp(out, 1) == 0) {
        child = alarm_when_connecting(ALARM_ONCE);
        SAY(connect(fd, SA(&server), sizeof server));
    }
    end_alarm(child);
    say_events("pending", fd);
    peer("slow open");
    wait_events(fd, POLLOUT);
    twin_greeting(fd);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
