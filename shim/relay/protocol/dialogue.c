#include "relay/protocol/dialogue.h"

#include <string.h>
#include <strings.h>

#include "wire/clean.h"

bool send_command(struct plain *server, const char *name, const char *line, struct failure *why)
{
    if (!plain_is_empty(server)) {
        fail(why, FAILURE_EARLY_BYTES, server->server, name);
        return false;
    }
    return plain_send(server, line, strlen(line), why);
}

bool send_upgrade(struct plain *server, const char *name, const char *line, struct failure *why)
{
    if (!send_command(server, name, line, why))
        return false;
    if (server->upgrading)
        server->upgrading(server);
    return true;
}

enum outcome answered(struct plain *server, const char *name, enum outcome outcome, struct failure *why)
{
    if (plain_is_empty(server))
        return outcome;
    *why = (struct failure){.kind = FAILURE_NONE}; /* no longer a clean refusal */
    fail(why, FAILURE_LATE_BYTES, server->server, name);
    return FAILED;
}

ssize_t read_kept_line(struct plain *server, struct greeting *g, char line[LINE_LIMIT], struct failure *why)
{
    const ssize_t length = plain_read_line(server, line, why);

    if (length < 0 || !g)
        return length;
    if ((size_t)length + 2 > sizeof g->raw - g->raw_length) {
        fail(why, FAILURE_GREETING_LIMIT, server->server);
        return -1;
    }
    memcpy(g->raw + g->raw_length, line, (size_t)length);
    memcpy(g->raw + g->raw_length + length, "\r\n", 2);
    g->raw_length += (size_t)length + 2;
    return length;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool read_dotted_list(struct plain *server, const char *keyword, bool *found, struct failure *why)
{
    char line[LINE_LIMIT];

    for (int lines = 1; lines < REPLY_LINES_LIMIT; lines++) {
        if (plain_read_line(server, line, why) < 0)
            return false;
        if (strcmp(line, ".") == 0)
            return true;
        if (!is_letter(line[0])) {
            fail(why, FAILURE_MALFORMED, server->server, line, "a capability");
            return false;
        }
        if (first_word_is(line, keyword))
            *found = true;
    }
    fail(why, FAILURE_LINES_LIMIT, server->server);
    return false;
}

int reply_code(const char *line, const char *separators)
{
    if (line[0] < '1' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
        return -1;
    if (line[3] != '\0' && !strchr(separators, line[3]))
        return -1;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

bool is_code_of(int code, const int codes[])
{
    for (; *codes; codes++) {
        if (code == *codes)
            return true;
    }
    return false;
}

bool first_word_is(const char *text, const char *word)
{
    const size_t length = strlen(word);

    return strncasecmp(text, word, length) == 0 && (text[length] == '\0' || text[length] == ' ');
}

bool is_domain(const char *text, size_t length)
{
    size_t label = 0;

    if (length == 0 || length > 255)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];

        if (c == '.' || c == '-') {
            if (label == 0 || (c == '.' && text[i - 1] == '-'))
                return false;
            label = c == '.' ? 0 : label + 1;
        } else if (is_letter(c) || is_digit(c)) {
            label++;
        } else {
            return false;
        }
        if (label > 63)
            return false;
    }
    return label > 0 && text[length - 1] != '-';
}

size_t write_line(char out[GREETING_LIMIT], const char *before, const char *text, const char *after)
{
    const size_t most = GREETING_LIMIT - 1 - strlen(before) - strlen(after);
    char *to = stpcpy(out, before);

    to += clean_copy(to, most, text, strnlen(text, most), CLEAN_QUOTABLE);
    return (size_t)(stpcpy(to, after) - out);
}
