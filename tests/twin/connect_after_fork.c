/*
 * A forked child connects, before and after its parent did, and each uses its own connection. fdm forks 300
 * times a run.
 */
#include "twin.h"

static void talk(const char *words)
{
    int fd = twin_connect();
    SAY(write(fd, words, strlen(words)));
    SAY_PEER("expect %d", (int)strlen(words));
    SAY(close(fd));
}

static void in_child(const char *words)
{
    pid_t child = fork();
    if (child == 0) {
        talk(words);
        _exit(0);
    }
    wait_child(child);
}

int main(void)
{
    twin_start();
    in_child("first child");
    talk("parent");
    in_child("second child");
    talk("parent again");
    return 0;
}
