#include "program/shebang.h"

#include <stdio.h>
#include <string.h>

bool shebang_is_binary(const void *bytes, size_t size)
{
    const char *const end = size ? memchr(bytes, '\n', size) : NULL;

    return size && memchr(bytes, '\0', end ? (size_t)(end - (const char *)bytes) : size);
}

static bool is_env(const char *interpreter)
{
    const char *const base = strrchr(interpreter, '/');

    return strcmp(base ? base + 1 : interpreter, "env") == 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(word, *list) == 0)
            return true;
    }
    return false;
}

/*
 * Reads env [OPTION]... [NAME=VALUE]... COMMAND from one argument, which `-S` splits at blanks. Quotes,
 * escapes and variables within -S are env's business: we do not know what they expand to.
 */
static enum shebang_kind read_env(struct shebang *line, char *argument)
{
    /*
     * These include options that clear the environment: the library comes back all the same (libretrotls(7)).
     */
    static const char *const harmless[] = {"-v", "--debug", "--", "-", "-i", "--ignore-environment", NULL};
    static const char *const with_value[] = {"-C", "--chdir", "-a", "--argv0", "-u", "--unset", NULL};
    char *state, *word;

    if (strncmp(argument, "-S", 2) == 0 || strncmp(argument, "-vS", 3) == 0) {
        argument = strchr(argument, 'S') + 1;
    } else if (strncmp(argument, "--split-string", 14) == 0) {
        argument += argument[14] == '=' ? 15 : 14;
    } else if (argument[0] != '-' && !strchr(argument, '=')) {
        strcpy(line->program, argument);
        return argument[0] ? SHEBANG_READ : SHEBANG_OBSCURE;
    } else {
        return SHEBANG_OBSCURE;
    }
    if (strpbrk(argument, "\"'\\$#"))
        return SHEBANG_OBSCURE;
    for (word = strtok_r(argument, " \t\v\f\r", &state); word; word = strtok_r(NULL, " \t\v\f\r", &state)) {
        if (strcmp(word, "LD_PRELOAD=") == 0)
            return SHEBANG_CLEARS;
        if (is_one_of(word, with_value)) {
            if (!strtok_r(NULL, " \t\v\f\r", &state))
                return SHEBANG_OBSCURE;
            continue;
        }
        if (is_one_of(word, harmless) || strncmp(word, "--unset=", 8) == 0 ||
            strncmp(word, "--chdir=", 8) == 0)
            continue;
        if (word[0] == '-')
            return SHEBANG_OBSCURE;
        if (!strchr(word, '=')) {
            strcpy(line->program, word);
            return SHEBANG_READ;
        }
    }
    return SHEBANG_OBSCURE;
}

enum shebang_kind shebang_read(struct shebang *line, const void *bytes, size_t size)
{
    char buffer[SHEBANG_LIMIT];
    size_t length;
    char *end, *name, *argument;

    memset(line, 0, sizeof *line);
    if (size < 2 || memcmp(bytes, "#!", 2) != 0)
        return SHEBANG_NONE;
    length = size < SHEBANG_LIMIT ? size : SHEBANG_LIMIT - 1;
    memcpy(buffer, bytes, length);
    buffer[length] = '\0';
    end = strpbrk(buffer, "\n");
    name = buffer + 2 + strspn(buffer + 2, " \t");
    argument = name + strcspn(name, " \t\n");
    /*
     * The kernel refuses a line that is too long if the interpreter's name is cut, but not if only the
     * argument is.
     */
    if (argument == name || (!end && *argument == '\0' && size >= SHEBANG_LIMIT))
        return SHEBANG_BAD;
    if (end)
        *end = '\0';
    if (*argument)
        *argument++ = '\0';
    argument += strspn(argument, " \t");
    for (size_t i = strlen(argument); i > 0 && strchr(" \t", argument[i - 1]); i--)
        argument[i - 1] = '\0';
    strcpy(line->interpreter, name);
    return is_env(name) ? read_env(line, argument) : SHEBANG_READ;
}
