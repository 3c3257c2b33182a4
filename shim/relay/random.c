/* RAND_METHOD is the only way below a provider of one's own: RAND_set_rand_method(3ssl). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "relay/random.h"

#include <errno.h>
#include <openssl/rand.h>
#include <sys/random.h>
#include <sys/types.h>

/* getrandom(2): up to 256 bytes come whole, once the kernel's pool has been filled after the boot. */
static int from_kernel(unsigned char *bytes, int count)
{
    while (count > 0) {
        const ssize_t n = getrandom(bytes, (size_t)count, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        bytes += n;
        count -= (int)n;
    }
    return 1;
}

static int always(void)
{
    return 1;
}

bool random_prepare(void)
{
    static const RAND_METHOD kernel = {.bytes = from_kernel, .pseudorand = from_kernel, .status = always};

    return RAND_set_rand_method(&kernel) == 1;
}
