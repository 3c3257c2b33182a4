/*
 * Lines and words of a policy file.
 *
 * Blanks and tabs stand between words; a word is as it stands, or in quotation marks, with \" and \\ within.
 * A '#' that begins a word begins a comment. A line ends with LF or CR LF, the last one also without.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_LEXER_H
#define RETROTLS_POLICY_LANGUAGE_LEXER_H

#include <stdbool.h>

#include "policy/language/errors.h"

enum { WORD_LIMIT = 1024 }; /* bytes of one word, with its NUL */

struct word {
    struct place place;
    size_t length;
    bool quoted;           /* it stood in quotation marks: it is no keyword, whatever it says */
    bool negated;          /* a '!' stood before the quotation mark (elsewhere it is part of the text) */
    char text[WORD_LIMIT]; /* NUL-terminated, no NUL within */
};

struct lexer {
    const struct file *file;
    struct errors *errors;
    size_t at;
    uint32_t line; /* from 1 */
    /* Of the present line: its first word, the last one read, and one that is read ahead. */
    struct word keyword, word, ahead;
};

enum lexed {
    LEXED_WORD,
    LEXED_END, /* of the line */
    LEXED_BAD, /* the error is told; the rest of the line means nothing */
};

void lexer_begin(struct lexer *lexer, const struct file *file, struct errors *errors);
/* The next word of the line. */
enum lexed lexer_word(struct lexer *lexer, struct word *word);
/* Skips to the next line; false at the end of the file. */
bool lexer_next_line(struct lexer *lexer);

#endif
