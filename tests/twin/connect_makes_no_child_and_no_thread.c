/*
 * connect() starts nothing that the program could see: no child for wait(), no SIGCHLD, no thread. A shell, a
 * mail checker or an init waits for any child, and takes an unknown one for its own.
 */
#include <dirent.h>

#include "twin.h"

static volatile int signals;

static void handler(int signal)
{
    (void)signal;
    signals++;
}

static int threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(folder));)
        count += e->d_name[0] != '.';
    closedir(folder);
    return count;
}

int main(void)
{
    twin_start();
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = handler}, NULL);
    int fd = twin_connect(), status;
    say("threads %d", threads());
    SAY(waitpid(-1, &status, WNOHANG));
    SAY(waitpid(-1, &status, __WALL | WNOHANG));
    SAY(waitpid(-1, &status, (int)__WCLONE | WNOHANG));
    say("SIGCHLD %d times", signals);
    SAY(close(fd));
    pid_t child = fork();
    if (child == 0)
        _exit(5);
    pid_t got;
    while ((got = wait(&status)) < 0 && errno == EINTR)
        continue;
    say("wait() gives the program's own child: %d, which ended with %d", got == child, WEXITSTATUS(status));
    SAY(wait(&status));
    return 0;
}
