#include "policy/glob.h"

#include <stddef.h>
#include <string.h>

/* We only ever retry the last '*': what comes before it has already matched as early as it could. */
bool glob_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool is_pattern(const char *text)
{
    return strpbrk(text, "*?") != NULL;
}
