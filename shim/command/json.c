#include "command/json.h"

#include <stdio.h>

#include "wire/clean.h"

void json_string(const char *text)
{
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        char c;

        clean_copy(&c, 1, text, 1, CLEAN_PRINTABLE);
        if (c == '"' || c == '\\')
            putchar('\\');
        putchar(c);
    }
    putchar('"');
}

void json_name(const char *name, int first)
{
    if (!first)
        fputs(", ", stdout);
    json_string(name);
    fputs(": ", stdout);
}
