/*
 * getpeername() and getsockname() with buffers too short, too long, of negative size or at no memory. The
 * address is cut, never written beyond the buffer, and the full length is returned.
 */
#include "twin.h"

static void ask(int fd, int (*get)(int, struct sockaddr *, socklen_t *), const char *name)
{
    static const socklen_t sizes[] = {0, 1, 2, 8, 15, 16, 17, 128, (socklen_t)-1};
    unsigned char buffer[256];
    socklen_t size;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        memset(buffer, 0xa5, sizeof buffer);
        size = sizes[i];
        SAY_AS(name, get(fd, SA(buffer), &size));
        /*
         * In a longer buffer, the kernel's first answer may be left between the end of the address and the
         * buffer's end.
         */
        size_t last = sizes[i] > 16 && sizes[i] <= sizeof buffer ? 16 : sizeof buffer;
        while (last > 8 && buffer[last - 1] == 0xa5)
            last--;
        say("  %s with %d: length %d, wrote up to %zu, first %d %d", name, (int)sizes[i], (int)size, last,
            buffer[0], buffer[1]);
    }
    size = 16;
    SAY_AS(name, get(fd, NULL, &size));
    SAY_AS(name, get(fd, SA(buffer), NULL));
    size = 0;
    SAY_AS(name, get(fd, NULL, &size));
}

static int peer_name(int fd, struct sockaddr *a, socklen_t *n)
{
    return getpeername(fd, a, n);
}

static int own_name(int fd, struct sockaddr *a, socklen_t *n)
{
    return getsockname(fd, a, n);
}

int main(void)
{
    twin_start();
    int fd = twin_connect();
    ask(fd, peer_name, "getpeername");
    ask(fd, own_name, "getsockname");
    return 0;
}
