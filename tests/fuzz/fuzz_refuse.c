/* Failures with any words, and the greetings that carry them: always one line with one string. */
#include "tests/fuzz/stream.h"

static void must_hold_one_string(const char *line)
{
    const char *quote = strchr(line, '"');

    MUST(quote && strcmp(strchr(quote + 1, '"'), "\"\r\n") == 0 && !strchr(line, '\\'));
}

static void refuse_everywhere(const char *text)
{
    char line[GREETING_LIMIT] = "";

    for (enum protocol_kind kind = PROTOCOL_SMTP; kind < PROTOCOL_KINDS; kind++) {
        must_be_one_line(line, protocol_by_kind(kind)->refuse(text, line));
        if (kind == PROTOCOL_SIEVE)
            must_hold_one_string(line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct failure why = {.kind = FAILURE_NONE};
    char *text = malloc(size + 1);
    char *second;

    MUST(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    second = text + strlen(text) + (strlen(text) < size);
    refuse_everywhere(text);
    if (size > 0)
        fail(&why, (enum failure_kind)(data[0] % FAILURE_KINDS), text, second, text);
    MUST(strlen(why.text) < FAILURE_LIMIT && !strpbrk(why.text, "\r\n\"\\"));
    refuse_everywhere(why.text);
    free(text);
    return 0;
}
