/*
 * The server does not read. A nonblocking write fills the path until EAGAIN, and poll() does not report OUT.
 * When the server reads again, OUT comes and everything arrives in order.
 */
#include "twin.h"

/* Writes the pattern's next bytes. False if no more are accepted. */
static bool write_some(int fd, size_t *sent, size_t count)
{
    static unsigned char data[1 << 16];
    fill_pattern(data, *sent, count);
    ssize_t n = write(fd, data, count);
    if (n < 0 && errno != EAGAIN) {
        say("write: %s", error_name(errno));
        exit(1);
    }
    if (n > 0)
        *sent += (size_t)n;
    return n > 0;
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peer("stop");
    size_t sent = 0;
    /* A full buffer may drain into the next one for a while, the longer, the fuller the path already is. */
    for (int quiet = 0; quiet < 100; quiet++) {
        if (write_some(fd, &sent, 1 << 16))
            quiet = 0;
        usleep(2000);
    }
    /* TCP probes a closed window after 0.2 s, and may find some room. */
    WAIT_FOR(!write_some(fd, &sent, 1) && !(twin_events(fd) & POLLOUT));
    say("full after more than 64 KB: %d, less than 64 MB: %d", sent > 65536, sent < 64 << 20);
    peer("go");
    wait_events(fd, POLLOUT);
    say_events("read on", fd);
    SAY(shutdown(fd, SHUT_WR));
    char expected[64];
    snprintf(expected, sizeof expected, "%zu bytes, as the pattern", sent);
    say("all arrived: %d", !strcmp(peer("expect %zu", sent), expected));
    return 0;
}
