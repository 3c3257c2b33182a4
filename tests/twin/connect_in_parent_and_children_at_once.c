/*
 * A parent and its children that connect at the same time each get their own connection.
 */
#include "twin.h"

enum { CHILDREN = 8 };

static void talk(char letter)
{
    int fd = twin_connect();
    char text[64], back[64];
    memset(text, letter, sizeof text);
    if (write(fd, text, sizeof text) != sizeof text)
        say("write: %s", error_name(errno));
    ssize_t n = recv(fd, back, sizeof back, MSG_WAITALL);
    if (n != sizeof back || memcmp(text, back, sizeof back))
        say("%c: got %d bytes of another", letter, (int)n);
    close(fd);
}

int main(void)
{
    twin_start();
    pid_t child[CHILDREN + 1];
    for (int i = 0; i <= CHILDREN; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            if (i < CHILDREN)
                talk((char)('a' + i));
            else
                for (int k = 0; k < CHILDREN + 1; k++)
                    peer("@%d echo", k);
            _exit(0);
        }
    }
    talk('P');
    for (int i = 0; i <= CHILDREN; i++)
        wait_child(child[i]);
    return 0;
}
