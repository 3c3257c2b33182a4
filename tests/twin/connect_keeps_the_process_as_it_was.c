/*
 * connect() does not change the signal mask, dispositions, pending signals, working folder, umask, process
 * group or alarm.
 */
#include <sys/stat.h>

#include "twin.h"

static void handler(int signal)
{
    say("signal %d", signal);
}

int main(void)
{
    twin_start();
    sigset_t set, after;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    SAY(sigprocmask(SIG_SETMASK, &set, NULL));
    signal(SIGUSR1, handler);
    signal(SIGHUP, handler);
    raise(SIGUSR1);
    umask(0123);
    alarm(1000);
    pid_t group = getpgrp(), session = getsid(0);
    char folder[4096], now[4096];
    if (!getcwd(folder, sizeof folder))
        return 1;

    int fd = twin_connect();

    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        if (sigismember(&after, i))
            say("blocked: %d", i);
    sigpending(&after);
    for (int i = 1; i < 32; i++)
        if (sigismember(&after, i))
            say("pending: %d", i);
    struct sigaction action;
    for (int i = 1; i < 32; i++)
        if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            say("%d is %s", i, action.sa_handler == handler ? "handled" : "ignored");
    say("umask %o", (unsigned)umask(0));
    say("alarm is kept: %d", alarm(0) > 900);
    say("group and session are kept: %d", group == getpgrp() && session == getsid(0));
    say("folder is kept: %d", getcwd(now, sizeof now) && !strcmp(folder, now));
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    raise(SIGHUP);
    return close(fd);
}
