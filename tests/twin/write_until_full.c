/*
 * A server that does not read: a nonblocking write fills the way until EAGAIN, poll() is silent for OUT, and
 * when the server reads on, OUT comes and everything arrives in order.
 */
#include "twin.h"

int main(void)
{
    twin_start();
    int fd = twin_connect();
    static unsigned char data[1 << 16];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peer("stop");
    size_t sent = 0;
    for (int quiet = 0; quiet < 100;) {
        fill_pattern(data, sent, sizeof data);
        ssize_t n = write(fd, data, sizeof data);
        if (n > 0) {
            sent += (size_t)n;
            quiet = 0;
        } else if (errno == EAGAIN) {
            quiet++; /* what is full now may drain into the next buffer for a while */
            usleep(2000);
        } else {
            say("write: %s", error_name(errno));
            return 1;
        }
    }
    say("more than 64 KB were taken: %d, less than 64 MB: %d", sent > 65536, sent < 64 << 20);
    SAY_AS("write", write(fd, "x", 1));
    say_events("full", fd);
    peer("go");
    wait_events(fd, POLLOUT);
    say_events("read on", fd);
    SAY(shutdown(fd, SHUT_WR));
    char expected[64];
    snprintf(expected, sizeof expected, "%zu bytes, as the pattern", sent);
    say("all arrived: %d", !strcmp(peer("expect %zu", sent), expected));
    return 0;
}
