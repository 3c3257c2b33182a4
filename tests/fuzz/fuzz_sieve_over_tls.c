/* The list of capabilities that a ManageSieve server sends after TLS, and that the program gets unchanged. */
#include "tests/fuzz/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stream s;
    struct failure why = {.kind = FAILURE_NONE};
    struct plain plain;
    char out[2048];
    size_t length;

    stream_open(&s, &plain, data, size);
    length = protocol_sieve.greet_over_tls(&plain, out, sizeof out, &why);
    MUST(length <= sizeof out && (length == 0) == (why.kind != FAILURE_NONE) && s.sent_length == 0);
    MUST(length == 0 || (length == s.read_length && memcmp(out, s.read, length) == 0));
    return 0;
}
