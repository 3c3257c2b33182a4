/*
 * What was written before close() arrives, though nobody is left who could send it again.
 */
#include "twin.h"

enum { SIZE = 1000000 };

int main(void)
{
    twin_start();
    static unsigned char data[SIZE];
    fill_pattern(data, 0, SIZE);
    int fd = twin_connect();
    size_t sent = 0;
    while (sent < SIZE) {
        ssize_t n = write(fd, data + sent, SIZE - sent);
        if (n <= 0)
            return 1;
        sent += (size_t)n;
    }
    SAY(close(fd));
    SAY_PEER("expect 1000000");
    SAY_PEER("end");
    return 0;
}
