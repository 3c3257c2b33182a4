#include "preload/adopt/greeting.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool begins(const char *line, const char *end, const char *word)
{
    const size_t length = strlen(word);

    return (size_t)(end - line) >= length && strncasecmp(line, word, length) == 0;
}

static bool holds(const char *line, const char *end, const char *word)
{
    for (; line < end; line++) {
        if (begins(line, end, word))
            return true;
    }
    return false;
}

/* FTP greets with 220 too, and host names contain all sorts of words (RFC 5321, 4.2; RFC 959, 5.4). */
static enum protocol_kind of_220(const char *line, const char *end)
{
    const char *const name_end = line + 4 < end ? memchr(line + 4, ' ', (size_t)(end - line - 4)) : NULL;
    const char *const words = name_end ? name_end : line;

    if (holds(words, end, "FTP"))
        return PROTOCOL_AUTO;
    if (holds(words, end, "LMTP"))
        return PROTOCOL_LMTP;
    return holds(words, end, "SMTP") ? PROTOCOL_SMTP : PROTOCOL_AUTO;
}

/* Other services use these codes too. INN and similar servers say what they are. */
static bool is_news(const char *line, const char *end)
{
    return (begins(line, end, "200 ") || begins(line, end, "201 ")) &&
           (holds(line, end, "NNTP") || holds(line, end, "NNRP") || holds(line, end, "News"));
}

enum protocol_kind greeting_protocol(const char *line, size_t length)
{
    const char *end = memchr(line, '\n', length);

    if (!end)
        end = line + length;
    if (begins(line, end, "220 ") || begins(line, end, "220-"))
        return of_220(line, end);
    if (begins(line, end, "* OK ") || begins(line, end, "* PREAUTH "))
        return PROTOCOL_IMAP;
    if (begins(line, end, "+OK ") || begins(line, end, "+OK\r"))
        return PROTOCOL_POP3;
    if (is_news(line, end))
        return PROTOCOL_NNTP;
    if (begins(line, end, "\"IMPLEMENTATION\"") || begins(line, end, "\"SIEVE\""))
        return PROTOCOL_SIEVE;
    return PROTOCOL_AUTO;
}
