/*
 * A signal interrupts a blocking connect(): EINTR, and the connection goes on by itself (POSIX). The program
 * then waits for it, or calls connect() again and gets EALREADY.
 */
#include "twin.h"

static void handler(int signal)
{
    (void)signal;
}

int main(void)
{
    twin_start();
    peer("hold");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler}, NULL);
    struct sockaddr_in server = twin_slow();
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = -1;
    socklen_t size = sizeof error;
    pid_t child = alarm_when_connecting(ALARM_AGAIN);
    SAY(connect(fd, SA(&server), sizeof server));
    end_alarm(child);
    say_events("after EINTR", fd);
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    say_addresses(fd, SA(&server), sizeof server);
    SAY(fcntl(fd, F_GETFL));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    SAY(connect(fd, SA(&server), sizeof server));
    fcntl(fd, F_SETFL, 0);
    peer("slow open");
    wait_events(fd, POLLOUT);
    SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    say("SO_ERROR %s", error_name(error));
    SAY(connect(fd, SA(&server), sizeof server));
    SAY(connect(fd, SA(&server), sizeof server));
    return 0;
}
