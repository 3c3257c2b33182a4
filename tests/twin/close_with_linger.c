/*
 * SO_LINGER makes close() wait until the data has been sent. All of it arrives.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    static unsigned char data[100000];
    fill_pattern(data, 0, sizeof data);
    int fd = twin_connect();
    struct linger on = {1, 20};
    SAY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof on));
    SAY(write(fd, data, sizeof data));
    SAY(close(fd));
    SAY_PEER("expect 100000");
    SAY_PEER("end");
    return 0;
}
