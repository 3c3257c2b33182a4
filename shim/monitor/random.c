/* Short of writing a provider, RAND_METHOD is the only way: RAND_set_rand_method(3ssl). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "monitor/random.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/types.h>
#include <unistd.h>

enum { AFTER_BOOT = 300 }; /* seconds */

static int device = -1; /* /dev/urandom, if the kernel has no getrandom(2); set before there are threads */

/*
 * After boot, getrandom(2) waits until the kernel has filled its pool; /dev/urandom does not. /dev/random is
 * readable once the pool is full, but also blocks later, whenever others have drained it (random(4)). So we
 * only wait for it shortly after boot.
 */
static bool open_device(void)
{
    struct sysinfo info;
    struct pollfd seed = {.fd = open("/dev/random", O_RDONLY | O_CLOEXEC | O_NOCTTY), .events = POLLIN};

    if (seed.fd >= 0) {
        if (sysinfo(&info) == 0 && info.uptime < AFTER_BOOT)
            while (poll(&seed, 1, -1) < 0 && errno == EINTR)
                ;
        close(seed.fd);
    }
    device = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return device >= 0;
}

/* Up to 256 bytes arrive in one read. */
bool random_fill(void *buffer, size_t size)
{
    uint8_t *bytes = buffer;

    while (size > 0) {
        const ssize_t n = device >= 0 ? read(device, bytes, size) : getrandom(bytes, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static int from_kernel(unsigned char *bytes, int count)
{
    return random_fill(bytes, (size_t)count);
}

static int always(void)
{
    return 1;
}

bool random_prepare(void)
{
    static const RAND_METHOD kernel = {.bytes = from_kernel, .pseudorand = from_kernel, .status = always};
    uint8_t byte;

    /* Linux 3.17 */
    if (getrandom(&byte, sizeof byte, GRND_NONBLOCK) < 0 && errno == ENOSYS && !open_device())
        return false;
    return RAND_set_rand_method(&kernel) == 1;
}
