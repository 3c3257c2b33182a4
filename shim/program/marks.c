#include "program/marks.h"

#include <elf.h>
#include <string.h>

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

bool marks_of_go_in_notes(const uint8_t *bytes, size_t size)
{
    enum { GO_BUILD_ID = 4, HEADER = sizeof(Elf32_Nhdr) /* the same in both classes */ };
    size_t at = 0;

    while (size - at >= HEADER) {
        const uint64_t name = word(bytes + at), content = word(bytes + at + 4);
        const uint64_t next = HEADER + ((name + 3) & ~3ull) + ((content + 3) & ~3ull);

        if (word(bytes + at + 8) == GO_BUILD_ID && name == 4 && size - at >= HEADER + 4 &&
            memcmp(bytes + at + HEADER, "Go", 3) == 0)
            return true;
        if (next > size - at)
            return false;
        at += (size_t)next;
    }
    return false;
}

bool marks_of_go_in_data(const uint8_t *bytes, size_t size)
{
    static const char magic[] = "\xff Go buildinf:";
    const size_t length = sizeof magic - 1;

    for (size_t at = 0; at + length <= size; at += 16) {
        if (memcmp(bytes + at, magic, length) == 0)
            return true;
    }
    return false;
}

/* True if `text` begins with a mark like "FPC 3.2.2+dfsg-20 [2023/03/30] for". */
static bool is_pascals(const uint8_t *text, size_t size)
{
    enum { LONGEST = 64 };
    static const char date[] = " [dddd/dd/dd] for ";
    size_t at = 4;

    if (size > LONGEST)
        size = LONGEST;
    while (at < size && text[at] != ' ')
        at++;
    for (size_t i = 0; i < sizeof date - 1; i++, at++) {
        if (at >= size || (date[i] == 'd' ? text[at] < '0' || text[at] > '9' : text[at] != (uint8_t)date[i]))
            return false;
    }
    return true;
}

bool marks_of_free_pascal(const uint8_t *bytes, size_t size)
{
    const uint8_t *const end = bytes + size;

    for (const uint8_t *at = bytes; at < end && (at = memchr(at, 'F', (size_t)(end - at))); at++) {
        if (end - at >= 4 && memcmp(at, "FPC ", 4) == 0 && is_pascals(at, (size_t)(end - at)))
            return true;
    }
    return false;
}
