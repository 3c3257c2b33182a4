/* The one function that every word from outside passes. */
#include "tests/fuzz/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[CLEAN_FIELD_LIMIT + 8];
    const size_t room = size > 0 ? data[0] % sizeof out : 0;

    memset(out, 'x', sizeof out);
    MUST(clean_text(out, room, (const char *)data, size) == out);
    if (room > 0) {
        const size_t length = strlen(out);

        MUST(length < room && length <= CLEAN_FIELD_LIMIT && length <= size);
        MUST(length == size || length == room - 1 || length == CLEAN_FIELD_LIMIT);
        for (size_t i = 0; i < length; i++) {
            MUST(out[i] >= 0x20 && out[i] <= 0x7e && out[i] != '"' && out[i] != '\\');
            MUST(out[i] == '?' || out[i] == (char)data[i]);
        }
    }
    for (size_t i = room; i < sizeof out; i++)
        MUST(out[i] == 'x');
    return 0;
}
