#include "relay/protocol/failure.h"

#include <string.h>

#include "wire/clean.h"

static const struct {
    const char *name, *format;
} table[FAILURE_KINDS] = {[FAILURE_NONE] = {"", ""},
#define FAILURE_ROW(kind, text) [kind] = {#kind, text},
                          FAILURES(FAILURE_ROW)
#undef FAILURE_ROW
};

const char *failure_format(enum failure_kind kind)
{
    return (unsigned)kind < FAILURE_KINDS ? table[kind].format : "";
}

const char *failure_name(enum failure_kind kind)
{
    return (unsigned)kind < FAILURE_KINDS ? table[kind].name : "";
}

char *clean_text(char *to, size_t size, const char *from, size_t length)
{
    if (size > 0) {
        const size_t most = size - 1 < CLEAN_FIELD_LIMIT ? size - 1 : CLEAN_FIELD_LIMIT;

        to[clean_copy(to, most, from, length, CLEAN_QUOTABLE)] = '\0';
    }
    return to;
}

void fail_with(struct failure *why, enum failure_kind kind, const char *const words[])
{
    const char *format = failure_format(kind);
    size_t end = 0;

    if (why->kind != FAILURE_NONE)
        return;
    why->kind = kind;
    while (*format && end < FAILURE_LIMIT - 1) {
        if (format[0] == '%' && format[1] == 's') {
            const char *word = *words ? *words++ : "?";

            clean_text(why->text + end, FAILURE_LIMIT - end, word, strlen(word));
            end += strlen(why->text + end);
            format += 2;
        } else {
            why->text[end++] = *format++;
        }
    }
    why->text[end] = '\0';
}
