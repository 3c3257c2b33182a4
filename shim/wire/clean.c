#include "wire/clean.h"

#include <stdbool.h>

size_t clean_copy(char *to, size_t room, const char *from, size_t length, enum clean how)
{
    const size_t count = length < room ? length : room;

    for (size_t i = 0; i < count; i++) {
        const char c = from[i];
        const bool breaks_quotes = how == CLEAN_QUOTABLE && (c == '"' || c == '\\');

        to[i] = c < 0x20 || c > 0x7e || breaks_quotes ? '?' : c;
    }
    return count;
}
