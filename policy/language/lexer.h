/*
 * Splits a policy file into lines and words.
 *
 * Blanks and tabs separate words. A word is bare or in quotation marks, with \" and \\ inside. A '#' at the
 * start of a word begins a comment. A line ends with LF or CR LF; the last one need not.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_LEXER_H
#define RETROTLS_POLICY_LANGUAGE_LEXER_H

#include <stdbool.h>

#include "policy/language/errors.h"

enum { WORD_LIMIT = 1024 }; /* bytes of one word, with its NUL */

struct word {
    struct place place;
    size_t length;
    bool quoted;           /* it was in quotation marks: it is not a keyword, whatever it says */
    bool negated;          /* a '!' preceded the quotation mark (otherwise it is part of the text) */
    char text[WORD_LIMIT]; /* NUL-terminated, no NUL inside */
};

struct lexer {
    const struct file *file;
    struct errors *errors;
    size_t at;
    uint32_t line; /* from 1 */
    /* The current line's first word, the last word read, and one read ahead. */
    struct word keyword, word, ahead;
};

enum lexed {
    LEXED_WORD,
    LEXED_END, /* the line ends */
    LEXED_BAD, /* the error has been reported; ignore the rest of the line */
};

void lexer_begin(struct lexer *lexer, const struct file *file, struct errors *errors);
/* Reads the next word of the line. */
enum lexed lexer_word(struct lexer *lexer, struct word *word);
/* Skips to the next line; false at the end of the file. */
bool lexer_next_line(struct lexer *lexer);

#endif
