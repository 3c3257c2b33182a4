/*
 * What curl does: a nonblocking connect() with its options, poll() in small steps, SO_ERROR, getpeername(),
 * then send() with MSG_NOSIGNAL, a zero-timeout probe before each read, and recv() until EAGAIN.
 */
#include "options.h"

int main(void)
{
    twin_start();
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    say_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    say_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    say_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    say_set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
    SAY(connect(fd, SA(&server), sizeof server));
    struct pollfd p = {fd, POLLOUT | POLLWRNORM, 0};
    WAIT_FOR(poll(&p, 1, 0) == 1);
    say("%s, SO_ERROR %d", event_names((unsigned)p.revents), option(fd, SOL_SOCKET, SO_ERROR));
    say_addresses(fd, SA(&server), sizeof server);
    p.events = POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND;
    WAIT_FOR(poll(&p, 1, 0) == 1);
    char buffer[256];
    say("greeting: %d", recv(fd, buffer, sizeof buffer, 0) > 0);
    SAY(recv(fd, buffer, sizeof buffer, 0));
    SAY(send(fd, "CAPA\r\n", 6, MSG_NOSIGNAL));
    SAY_PEER("expect 6");
    SAY(poll(&p, 1, 0));
    peer("say +OK");
    wait_readable(fd, 5);
    SAY(recv(fd, buffer, sizeof buffer, 0));
    SAY(recv(fd, buffer, 1, MSG_PEEK));
    SAY(close(fd));
    SAY_PEER("end");
    return 0;
}
