/*
 * The same, nonblocking. Without a cookie for the server: EINPROGRESS, and none of the data is accepted.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in server = twin_server();
    SAY(sendto(fd, "hello", 5, MSG_FASTOPEN, SA(&server), sizeof server));
    wait_events(fd, POLLOUT);
    SAY(send(fd, "again", 5, 0));
    twin_greeting(fd);
    SAY_PEER("expect 5");
    return 0;
}
