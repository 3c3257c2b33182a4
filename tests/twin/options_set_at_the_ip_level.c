/*
 * Sets each option of IPPROTO_IP to 1 on a connection and reads it back. The connection goes on.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    for (int name = 0; name <= 63; name++) {
        if (answer_varies(IPPROTO_IP, name))
            continue;
        say_set_option(fd, IPPROTO_IP, name, 1);
        say_option(fd, IPPROTO_IP, name, OPTION_SIZE);
    }
    say_set_option(fd, IPPROTO_IP, 2, 64);
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
