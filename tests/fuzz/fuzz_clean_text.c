/* All text from outside goes through this one function. */
#include "tests/fuzz/stream.h"
#include "wire/clean.h"

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
    /* Printable bytes can be quoted, except the two that end or escape a quote. */
    for (size_t i = 0; i < size; i++) {
        char printable, quotable;

        MUST(clean_copy(&printable, 1, (const char *)data + i, size - i, CLEAN_PRINTABLE) == 1);
        MUST(clean_copy(&quotable, 1, (const char *)data + i, size - i, CLEAN_QUOTABLE) == 1);
        MUST(printable >= 0x20 && printable <= 0x7e && (printable == '?' || printable == (char)data[i]));
        MUST(printable == quotable || (quotable == '?' && (printable == '"' || printable == '\\')));
    }
    return 0;
}
