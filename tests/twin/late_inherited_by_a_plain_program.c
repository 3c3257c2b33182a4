/*
 * cat in a pipeline of an unwatched connector: what it copies is the session, both ways.
 */
#include "late.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc < 2 && getenv("TWIN_PRELOAD")) /* the child, in the middle */
        unwatched_connector(argv[0]);
    if (argc < 2) {
        pid_t child = fork();
        if (child == 0)
            unwatched_connector(argv[0]);
        SAY_PEER("accepted 1");
        SAY_PEER("expect 20"); /* the greeting, which cat sends back */
        SAY_PEER("send 1000");
        SAY_PEER("half");
        wait_child(child);
        SAY_PEER("end");
        return 0;
    }
    dup2(0, 1);
    execl("/bin/cat", "cat", NULL);
    return 98;
}
