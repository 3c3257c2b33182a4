/*
 * Sets each option of IPPROTO_TCP to 1 on a connection and reads it back. The connection goes on.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    for (int name = 0; name <= 47; name++) {
        if (name == TCP_WINDOW_CLAMP || name == TCP_USER_TIMEOUT || (name >= 19 && name <= 22) || name == 35)
            continue; /* stalls or breaks it; TCP_REPAIR and its like; reads memory */
        say_set_option(fd, IPPROTO_TCP, name, 1);
        say_option(fd, IPPROTO_TCP, name, OPTION_SIZE);
        say_set_option(fd, IPPROTO_TCP, name, 0);
        say_option(fd, IPPROTO_TCP, name, OPTION_SIZE);
    }
    SAY(write(fd, "hello", 5));
    SAY_PEER("expect 5");
    return 0;
}
