/*
 * sendfile() from a file to the socket, from the file's position and from an offset, as mail servers and lftp
 * do.
 */
#include <sys/sendfile.h>

#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect(), file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unsigned char data[5000];
    fill_pattern(data, 0, sizeof data);
    if (write(file, data, sizeof data) != sizeof data)
        return 1;
    lseek(file, 0, SEEK_SET);
    SAY(sendfile(fd, file, NULL, 3000));
    off_t offset = 3000;
    SAY(sendfile(fd, file, &offset, 10000));
    say("offset %d", (int)offset);
    SAY_PEER("expect 5000");
    SAY(sendfile(fd, file, &offset, 10000));
    SAY(sendfile(file, fd, NULL, 10));
    SAY(sendfile(fd, fd, NULL, 10));
    return 0;
}
