/* Uses stdio on a connection that is still being made: no library sees these reads and writes. */
#ifndef RETROTLS_TWIN_LEFT_STDIO_H
#define RETROTLS_TWIN_LEFT_STDIO_H

#include "left.h"

static void talk(FILE *stream)
{
    char line[64];
    pid_t opener = fork();

    if (opener == 0) {
        wait_sleeping(getppid()); /* until it waits in the write */
        peer("slow open");
        _exit(0);
    }
    say("fputs: %s", fputs("hello", stream) < 0 ? "failed" : "done");
    say("fflush = %d", fflush(stream));
    wait_child(opener);
    say("fgets: %s", fgets(line, sizeof line, stream) ? line : "nothing");
    SAY_PEER("expect 5");
    int closed = fclose(stream);
    say("fclose = %d", closed);
}

#endif
