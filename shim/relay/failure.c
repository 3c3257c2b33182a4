#include "relay/failure.h"

#include <string.h>

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
    size_t end = 0;

    if (size == 0)
        return to;
    while (end < length && end < CLEAN_FIELD_LIMIT && end < size - 1) {
        const char c = from[end];

        to[end++] = c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '?' : c;
    }
    to[end] = '\0';
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
