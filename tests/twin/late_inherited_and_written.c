/*
 * The same with a program that writes first.
 */
#include "late.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc < 2)
        unwatched_connector(argv[0]);
    SAY(write(0, "hello", 5));
    twin_greeting(0);
    SAY_PEER("expect 5");
    SAY(send(0, "world", 5, MSG_NOSIGNAL));
    SAY_PEER("expect 10");
    return 0;
}
