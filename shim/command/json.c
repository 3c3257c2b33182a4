#include "command/json.h"

#include <stdio.h>

void json_string(const char *text)
{
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        const char c = *text;

        if (c == '"' || c == '\\')
            putchar('\\');
        putchar(c >= ' ' && c <= '~' ? c : '?');
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
