/*
 * The socket as printf()'s standard output, as bash's redirections make it. stdio writes when the buffer is
 * full and at the end.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    SAY(dup2(fd, 1));
    SAY(close(fd));
    for (int i = 0; i < 1000; i++)
        printf("%010d", i);
    SAY(fflush(stdout));
    SAY_PEER("expect 10000");
    SAY(isatty(1));
    SAY(fclose(stdout));
    SAY_PEER("end");
    return 0;
}
