/*
 * The socket as standard input and output of an executed program: inetd's way, and tcpclient's with 6 and 7.
 */
#include "twin.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc > 1) {
        struct sockaddr_in server = twin_server();
        char line[64] = "";
        say_addresses(0, SA(&server), sizeof server);
        int value = -1;
        socklen_t size = sizeof value;
        SAY(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &size));
        SAY(getsockopt(0, IPPROTO_TCP, TCP_NODELAY, &value, &size));
        say("TCP_NODELAY %d", value);
        puts("hello");
        fflush(stdout);
        SAY_PEER("expect 6");
        peer("say world");
        say("%.5s", fgets(line, sizeof line, stdin) ? line : "nothing");
        return 0;
    }
    int fd = twin_connect(), one = 1;
    SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    pid_t child = fork();
    if (child == 0) {
        dup2(fd, 0);
        dup2(fd, 1);
        close(fd);
        exec_again(argv[0], "child");
        _exit(98);
    }
    close(fd);
    wait_child(child);
    SAY_PEER("end");
    return 0;
}
