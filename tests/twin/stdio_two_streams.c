/*
 * stdio reads on one stream and writes on a duplicate, as inews does. None of these reads and writes goes
 * through a symbol that a library could interpose.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    char line[100];
    SAY(fprintf(out, "USER %s\r\n", "test"));
    SAY(fflush(out));
    SAY_PEER("expect 11");
    peer("say +OK user");
    peer("say +OK more");
    for (int i = 0; i < 2; i++)
        say("%.8s", fgets(line, sizeof line, in) ? line : "nothing");
    SAY(fputs("QUIT\r\n", out) < 0);
    SAY(fclose(out));
    SAY_PEER("expect 17");
    peer("half");
    SAY(fgetc(in));
    say("end %d, error %d", !!feof(in), !!ferror(in));
    SAY(fclose(in));
    SAY_PEER("end");
    return 0;
}
