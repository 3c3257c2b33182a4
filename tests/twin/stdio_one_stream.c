/*
 * One stream for reading and writing, "r+", as in mailcheck. Between the two, stdio needs a seek, which fails
 * on a socket with ESPIPE and does what is needed.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    FILE *f = fdopen(fd, "r+");
    char line[100];
    for (int i = 0; i < 3; i++) {
        SAY(fprintf(f, "NOOP %d\r\n", i));
        SAY(fflush(f));
        SAY_PEER("expect %d", 8 * (i + 1));
        peer("say +OK %d", i);
        say("%.5s", fgets(line, sizeof line, f) ? line : "nothing");
        SAY(fseek(f, 0, SEEK_CUR));
    }
    SAY(fclose(f));
    SAY_PEER("end");
    return 0;
}
