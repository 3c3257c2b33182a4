#include "tests/fuzz/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return negotiate_stream(PROTOCOL_NNTP, data, size);
}
