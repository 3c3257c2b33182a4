/*
 * Megabytes in both directions at once, nonblocking and with poll(), arrive whole and in order.
 */
#include "twin.h"

enum { SIZE = 8 << 20 };

int main(void)
{
    twin_start();
    int fd = twin_connect();
    static unsigned char out[65536], in[65536];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peer("send %d", SIZE);
    size_t sent = 0, got = 0;
    while (sent < SIZE || got < SIZE) {
        struct pollfd p = {fd, (short)((got < SIZE ? POLLIN : 0) | (sent < SIZE ? POLLOUT : 0)), 0};
        if (poll(&p, 1, 20000) != 1) {
            say("stuck");
            return 1;
        }
        if (p.revents & POLLOUT) {
            size_t want = SIZE - sent < sizeof out ? SIZE - sent : sizeof out;
            fill_pattern(out, sent, want);
            ssize_t n = write(fd, out, want);
            sent += n > 0 ? (size_t)n : 0;
        }
        if (p.revents & POLLIN) {
            ssize_t n = read(fd, in, sizeof in);
            if (n <= 0 || !is_pattern(in, got, (size_t)n)) {
                say("wrong at %zu", got);
                return 1;
            }
            got += (size_t)n;
        }
    }
    SAY_PEER("expect 8388608");
    return 0;
}
