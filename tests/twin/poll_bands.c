/*
 * poll()'s bands, which no program of these protocols asks for.
 *
 *     plain:    bands: 0
 *     switched: bands: 1
 *     because the kernel reports POLLWRBAND for UNIX sockets, but not for TCP.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    struct pollfd p = {fd, POLLWRBAND | POLLRDBAND, 0};
    say("bands: %d", poll(&p, 1, 0));
    p.events = POLLRDBAND;
    say("read band: %d", poll(&p, 1, 0));
    return 0;
}
