#include "policy/text.h"

#include <string.h>

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

bool same_word(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

bool read_number(const char *string, uint32_t limit, uint32_t *number, bool *too_large)
{
    uint64_t value = 0;
    const char *c = string;

    if (too_large)
        *too_large = false;
    for (; is_digit(*c); c++) {
        value = value * 10 + (uint64_t)(*c - '0');
        if (value > limit)
            value = (uint64_t)limit + 1;
    }
    if (c == string || *c != '\0')
        return false;
    if (value > limit) {
        if (too_large)
            *too_large = true;
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

enum { WORD_COMPARED = 24 }; /* no word of the language is longer */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance: Levenshtein's, and a swap of two neighbours counts as one. */
static unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_COMPARED + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            const unsigned change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;

            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + change);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b_length];
}

const char *nearest_word(const char *word, const char *const *words, unsigned *distance)
{
    const size_t length = strlen(word);
    const char *nearest = NULL;
    unsigned best = 3;

    for (; length <= WORD_COMPARED && *words; words++) {
        const size_t other = strlen(*words);
        unsigned found;

        if (other > WORD_COMPARED || other > length + 2 || length > other + 2)
            continue;
        found = edit_distance(word, length, *words, other);
        if (found < best && found * 2 < length + (found == 1)) {
            best = found;
            nearest = *words;
        }
    }
    if (nearest && distance)
        *distance = best;
    return nearest;
}
