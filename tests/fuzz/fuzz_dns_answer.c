/* DNS answers come from the network: any bytes, no byte read beyond them, and no more addresses than fit. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct sum {
    size_t addresses;
    unsigned bytes; /* every byte is read, so that ASan sees it */
};

static void note(void *context, int family, const uint8_t *bytes)
{
    struct sum *const sum = context;

    if (family != AF_INET && family != AF_INET6)
        abort();
    sum->addresses++;
    for (int i = 0; i < (family == AF_INET ? 4 : 16); i++)
        sum->bytes += bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct sum sum = {0};
    char name[256];

    dns_answer_each(bytes, length, note, &sum);
    if (sum.addresses * 15 > length) /* an A record with the shortest owner takes 15 bytes */
        abort();
    if (dns_question_name(bytes, length, name, sizeof name) && (!*name || strlen(name) >= sizeof name))
        abort();
    return 0;
}
