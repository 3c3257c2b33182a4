/*
 * TCP_INFO shows the state of the connection: ESTABLISHED, then CLOSE_WAIT after the server's end, and its
 * options. (The counters are those of the real connection, with TLS in it.)
 */
#include "options.h"

static void show(int fd, const char *when)
{
    struct tcp_info info;
    memset(&info, 0xa5, sizeof info);
    socklen_t size = sizeof info;
    SAY(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
    say("%s: size %s, state %d, ca_state %d, retransmits %d", when, size == sizeof info ? "full" : "other",
        info.tcpi_state, info.tcpi_ca_state, info.tcpi_retransmits);
    say("  options %x, mss: %d %d", info.tcpi_options, info.tcpi_snd_mss > 0, info.tcpi_rcv_mss > 0);
}

int main(void)
{
    twin_start();
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    show(fresh, "fresh");
    int fd = twin_connect();
    show(fd, "connected");
    peer("half");
    wait_events(fd, POLLRDHUP);
    show(fd, "the server has ended");
    return 0;
}
