/*
 * Two connections at once do not mix, and each closes on its own.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int first = twin_connect(), second = twin_connect();
    char buffer[8] = "";
    peer("@0 say first");
    peer("@1 say second");
    wait_readable(second, 8);
    wait_readable(first, 7);
    SAY(read(second, buffer, 8));
    say("%.6s", buffer);
    SAY(read(first, buffer, 8));
    say("%.5s", buffer);
    SAY(close(first));
    SAY_PEER("@0 end");
    SAY(write(second, "hello", 5));
    SAY_PEER("@1 expect 5");
    return 0;
}
