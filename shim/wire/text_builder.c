#include "wire/text_builder.h"

#include <string.h>

#include "wire/clean.h"

struct text text_in(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct text){.at = buffer, .size = size};
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    const size_t room = text->size - 1 - text->length;

    if (length > room) {
        length = room;
        text->cut = true;
    }
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t first = sizeof digits;

    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    text_add_bytes(text, digits + first, sizeof digits - first);
}

/* Returns how many bytes of `string` were meant to be added. */
static size_t add_cleaned(struct text *text, const char *string, size_t limit, enum clean how)
{
    const size_t length = strnlen(string, limit), room = text->size - 1 - text->length;

    text->length += clean_copy(text->at + text->length, room, string, length, how);
    text->at[text->length] = '\0';
    text->cut |= length > room;
    return length;
}

void text_add_clean(struct text *text, const char *string, size_t limit)
{
    if (string[add_cleaned(text, string, limit, CLEAN_PRINTABLE)] != '\0')
        text_add(text, "...");
}

void text_add_quotable(struct text *text, const char *string, size_t limit)
{
    add_cleaned(text, string, limit, CLEAN_QUOTABLE);
}

void text_cut_back(struct text *text, size_t length)
{
    text->length = length;
    text->at[length] = '\0';
}
