/*
 * DNS answers come from the network and may be any bytes. No byte beyond them is read, and there are no more
 * addresses and names than fit.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/names/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct sum {
    size_t addresses, names;
    unsigned bytes; /* every byte is read, so that ASan sees it */
};

static void note(void *context, const struct dns_found *found)
{
    struct sum *const sum = context;

    if (found->part != DNS_ADDRESS) {
        if (!*found->name || strlen(found->name) >= 256)
            abort();
        sum->names++;
        return;
    }
    if (found->family != AF_INET && found->family != AF_INET6)
        abort();
    sum->addresses++;
    for (int i = 0; i < (found->family == AF_INET ? 4 : 16); i++)
        sum->bytes += found->bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct sum whole = {0}, cut = {0};
    char name[256];
    const bool good = dns_answer_each(bytes, length, true, note, &whole);

    /* A record takes at least 13 bytes, with the shortest owner and the shortest name. */
    if ((whole.addresses + whole.names) * 13 > length)
        abort();
    /* What is malformed as a cut message is also malformed as a whole one. */
    if (!dns_answer_each(bytes, length, false, note, &cut) && good)
        abort();
    if (cut.addresses != whole.addresses || cut.names != whole.names)
        abort();
    if (dns_question_name(bytes, length, name, sizeof name) && (!*name || strlen(name) >= sizeof name))
        abort();
    return 0;
}
