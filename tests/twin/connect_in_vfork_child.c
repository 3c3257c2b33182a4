/*
 * A vfork() child connects and then executes a program with the connection as standard input, as inetd-like
 * starters do. It shares the parent's memory. What it leaves there must not harm the parent's own
 * connections.
 */
#include "twin.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc > 1) {
        twin_greeting(0);
        SAY(write(0, "child", 5));
        return 0;
    }
    close(twin_connect());
    struct sockaddr_in server = twin_server();
    pid_t child = vfork();
    if (child == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        SAY(connect(fd, SA(&server), sizeof server));
        dup2(fd, 0);
        close(fd);
        exec_again(argv[0], "child");
        _exit(98);
    }
    wait_child(child);
    SAY_PEER("expect 5");
    int fd = twin_connect();
    SAY(write(fd, "parent", 6));
    SAY_PEER("accepted 3");
    SAY_PEER("expect 6");
    return 0;
}
