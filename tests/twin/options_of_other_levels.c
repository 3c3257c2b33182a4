/*
 * Levels that a TCP socket does not have.
 */
#include "options.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    static const int levels[] = {-1, 2, 17, 58, 136, 255, 263, 281, 282, 284, 999};
    for (size_t i = 0; i < COUNT(levels); i++)
        for (int name = 0; name < 4; name++) {
            say_option(fd, levels[i], name, 4);
            say_set_option(fd, levels[i], name, 1);
        }
    say_option(fd, SOL_SOCKET, -1, 4);
    say_option(fd, SOL_SOCKET, 99999, 4);
    say_set_option(fd, SOL_SOCKET, 99999, 4);
    say_option(fd, IPPROTO_TCP, -1, 4);
    say_set_option(fd, IPPROTO_TCP, 99999, 4);
    return 0;
}
