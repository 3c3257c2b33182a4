/*
 * connect() is async-signal-safe (POSIX). A handler may call it whatever the program was doing, even while
 * the program itself is in connect().
 */
#include "twin.h"

static volatile int inner = -1;

static void handler(int signal)
{
    (void)signal;
    struct sockaddr_in server = twin_server();
    inner = socket(AF_INET, SOCK_STREAM, 0);
    SAY(connect(inner, SA(&server), sizeof server));
    peer("slow open");
}

int main(void)
{
    twin_start();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, NULL);
    struct sockaddr_in server = twin_slow();
    int outer = socket(AF_INET, SOCK_STREAM, 0);
    pid_t child = alarm_when_connecting(ALARM_ONCE);
    SAY(connect(outer, SA(&server), sizeof server));
    end_alarm(child);
    twin_greeting(inner);
    twin_greeting(outer);
    SAY(write(inner, "inner", 5));
    SAY(write(outer, "outer!", 6));
    SAY_PEER("@0 expect 5");
    SAY_PEER("@1 expect 6");
    return 0;
}
