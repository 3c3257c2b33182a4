/*
 * After connect() the process has exactly the descriptors it had, and the lowest free number is still the
 * next one. Programs that close "all others", or that expect accept() and open() to return the lowest number,
 * must not be surprised.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        int fd = twin_connect();
        say("number %d, more than before: %d", fd - before, open_descriptors() - before);
        int next = open("/dev/null", O_RDONLY);
        say("the next is %d", next - fd);
        close(next);
        close(fd);
    }
    say("at last: %d", open_descriptors() - before);
    return 0;
}
