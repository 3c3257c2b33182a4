/*
 * A server that does not read: a nonblocking write fills the way until EAGAIN, poll() is silent for OUT, and
 * when the server reads on, OUT comes and everything arrives in order.
 */
#include "twin.h"

/* The pattern's next bytes; false where nothing more is taken. */
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
    /* What is full may drain into the next buffer for a while; the longer, the more of the way is filled. */
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
