/*
 * A path with a delay, for kernels without netem: a TUN device whose packets come back after a while.
 *
 *   delay DEVICE MILLISECONDS (one way)
 *
 * It makes the device, prints "ready", and ends when its standard input does. The caller gives the device an
 * address A/24 and has a server listen on A. A program that connects to any other address B of that net
 * reaches the server: each packet from A to B comes back, after the delay, as one from B to A. Exchanging two
 * addresses keeps every checksum right. So all of TCP is delayed, including its handshake.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS = 4096, PACKET = 2048, IPV4_SOURCE = 12, IPV4_DESTINATION = 16, IPV4_HEADER = 20 };

static struct packet {
    int64_t due;
    size_t length;
    uint8_t bytes[PACKET];
} ring[PACKETS];

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void turn_back(struct packet *packet)
{
    uint8_t address[4];
    memcpy(address, packet->bytes + IPV4_SOURCE, 4);
    memcpy(packet->bytes + IPV4_SOURCE, packet->bytes + IPV4_DESTINATION, 4);
    memcpy(packet->bytes + IPV4_DESTINATION, address, 4);
}

int main(int count, char **arguments)
{
    if (count != 3)
        errx(2, "usage: delay DEVICE MILLISECONDS");
    int64_t delay = atoll(arguments[2]) * 1000000;
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", arguments[1]);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0)
        err(1, "/dev/net/tun");
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    printf("ready\n");
    fflush(stdout);

    size_t first = 0, waiting = 0;
    for (;;) {
        struct pollfd ready[] = {{.fd = tun, .events = waiting < PACKETS ? POLLIN : 0},
                                 {.fd = STDIN_FILENO, .events = POLLIN}};
        int64_t left = waiting > 0 ? ring[first].due - now() : 0;
        struct timespec timeout = {.tv_nsec =
                                       left > 0 ? (long)left : 0}; /* the delay is less than a second */
        ppoll(ready, 2, waiting > 0 ? &timeout : NULL, NULL);
        if (ready[1].revents)
            return 0;
        while (waiting < PACKETS) {
            struct packet *packet = &ring[(first + waiting) % PACKETS];
            ssize_t length = read(tun, packet->bytes, PACKET);
            if (length < IPV4_HEADER)
                break;
            if (packet->bytes[0] >> 4 != 4)
                continue;
            packet->length = (size_t)length;
            packet->due = now() + delay;
            waiting++;
        }
        for (; waiting > 0 && ring[first].due <= now(); first = (first + 1) % PACKETS, waiting--) {
            turn_back(&ring[first]);
            if (write(tun, ring[first].bytes, ring[first].length) < 0)
                break; /* the device is full or down: the packet is lost, as on any network */
        }
    }
}
