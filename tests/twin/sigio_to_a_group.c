/*
 * O_ASYNC with a process group as the owner, set before connect(): each process of the group gets the signal.
 */
#include "twin.h"

static volatile sig_atomic_t count;

static void handler(int signal)
{
    (void)signal;
    count++;
}

int main(void)
{
    twin_start();
    SAY(setpgid(0, 0));
    sigaction(SIGIO, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, NULL);
    struct sockaddr_in server = twin_server();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY(fcntl(fd, F_SETOWN, -getpid()));
    SAY(fcntl(fd, F_SETFL, O_ASYNC));
    SAY(connect(fd, SA(&server), sizeof server));
    twin_greeting(fd);
    struct f_owner_ex now = {0, 0};
    SAY(fcntl(fd, F_GETOWN_EX, &now));
    say("owner: %s %s", now.type == F_OWNER_PGRP ? "group" : "other",
        now.pid == getpid() ? "this" : "another");
    count = 0;
    pid_t child = fork();
    if (child == 0) {
        WAIT_FOR(count > 0);
        say("SIGIO in the child");
        _exit(0);
    }
    peer("send 10");
    wait_child(child);
    WAIT_FOR(count > 0);
    say("SIGIO in the parent");
    return 0;
}
