#include "policy/language/lexer.h"

#include <string.h>

void lexer_begin(struct lexer *lexer, const struct file *file, struct errors *errors)
{
    lexer->file = file;
    lexer->errors = errors;
    lexer->at = 0;
    lexer->line = 1;
}

/* Returns the byte `ahead` positions further on; LF after the last byte, and for the CR of a CR LF. */
static char look(const struct lexer *lexer, size_t ahead)
{
    const char *text = lexer->file->text;
    const size_t at = lexer->at + ahead;

    if (at >= lexer->file->length)
        return '\n';
    if (text[at] == '\r' && (at + 1 == lexer->file->length || text[at + 1] == '\n'))
        return '\n';
    return text[at];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static enum lexed bad(const struct lexer *lexer, struct place place, enum message message, const char *a)
{
    place.offset = (uint32_t)lexer->at;
    place.width = 1;
    errors_report(lexer->errors, &place, message, a, NULL, NULL);
    return LEXED_BAD;
}

static enum lexed keep(struct lexer *lexer, struct word *word, char c)
{
    if (is_control(c) && c != '\t')
        return bad(lexer, word->place, MESSAGE_CONTROL_CHARACTER, NULL);
    if (word->length == WORD_LIMIT - 1)
        return bad(lexer, word->place, MESSAGE_WORD_TOO_LONG, "1023");
    word->text[word->length++] = c;
    lexer->at++;
    return LEXED_WORD;
}

static enum lexed quoted_word(struct lexer *lexer, struct word *word)
{
    const size_t opening = lexer->at++;
    enum lexed kept = LEXED_WORD;

    word->quoted = true;
    while (kept == LEXED_WORD && look(lexer, 0) != '"') {
        if (look(lexer, 0) == '\n') {
            lexer->at = opening;
            return bad(lexer, word->place, MESSAGE_QUOTE_OPEN, NULL);
        }
        if (look(lexer, 0) == '\\') {
            if (look(lexer, 1) != '"' && look(lexer, 1) != '\\')
                return bad(lexer, word->place, MESSAGE_QUOTE_ESCAPE, NULL);
            lexer->at++;
        }
        kept = keep(lexer, word, look(lexer, 0));
    }
    if (kept != LEXED_WORD)
        return kept;
    lexer->at++;
    if (!is_blank(look(lexer, 0)) && look(lexer, 0) != '\n')
        return bad(lexer, word->place, MESSAGE_QUOTE_TAIL, NULL);
    return LEXED_WORD;
}

static enum lexed bare_word(struct lexer *lexer, struct word *word)
{
    enum lexed kept = LEXED_WORD;

    while (kept == LEXED_WORD && !is_blank(look(lexer, 0)) && look(lexer, 0) != '\n') {
        if (look(lexer, 0) == '"')
            return bad(lexer, word->place, MESSAGE_QUOTE_INSIDE, NULL);
        kept = keep(lexer, word, look(lexer, 0));
    }
    return kept;
}

enum lexed lexer_word(struct lexer *lexer, struct word *word)
{
    enum lexed lexed;

    while (is_blank(look(lexer, 0)))
        lexer->at++;
    if (look(lexer, 0) == '\n' || look(lexer, 0) == '#')
        return LEXED_END;
    word->place =
        (struct place){.file = lexer->file, .line = lexer->line, .offset = (uint32_t)lexer->at, .width = 1};
    word->length = 0;
    word->quoted = false;
    word->negated = look(lexer, 0) == '!' && look(lexer, 1) == '"';
    if (word->negated)
        lexer->at++;
    lexed = look(lexer, 0) == '"' ? quoted_word(lexer, word) : bare_word(lexer, word);
    word->text[word->length] = '\0';
    word->place.width = (uint32_t)(lexer->at - word->place.offset);
    return lexed;
}

bool lexer_next_line(struct lexer *lexer)
{
    const char *rest = lexer->file->text + lexer->at;
    const char *end = memchr(rest, '\n', lexer->file->length - lexer->at);

    if (!end)
        return false;
    lexer->at += (size_t)(end - rest) + 1;
    lexer->line++;
    return lexer->at < lexer->file->length;
}
