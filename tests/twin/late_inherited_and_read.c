/*
 * A program that no library watched made a connection (tcpclient, socket activation) and handed it down as
 * standard input. The program that reads from it first gets the server's greeting, and its session.
 */
#include "late.h"

int main(int argc, char **argv)
{
    twin_start();
    if (argc < 2)
        unwatched_connector(argv[0]);
    struct sockaddr_in server = twin_server();
    say_addresses(0, SA(&server), sizeof server);
    twin_greeting(0);
    say_addresses(0, SA(&server), sizeof server);
    SAY(write(0, "hello", 5));
    SAY_PEER("expect 5");
    peer("send 10");
    wait_readable(0, 10);
    char buffer[16];
    SAY(read(0, buffer, sizeof buffer));
    SAY(close(0));
    SAY_PEER("end");
    return 0;
}
