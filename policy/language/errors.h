/*
 * Collects the errors of a policy while it is read: each with its place, the line, a caret and advice. Space
 * is bounded; what does not fit is counted, but not shown.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_ERRORS_H
#define RETROTLS_POLICY_LANGUAGE_ERRORS_H

#include <stddef.h>
#include <stdint.h>

#include "policy/language/error_texts.h"
#include "policy/model.h"
#include "policy/text.h"

enum {
    FIRST_ERROR_LIMIT = 320,  /* bytes of the first error in one line, for a failure greeting */
    ERROR_WORD_LIMIT = 64,    /* bytes of one word shown in a message */
    ERROR_PATH_LIMIT = 1100,  /* bytes of one path shown in a message */
    ERROR_LINE_LIMIT = 70,    /* columns of a list of words */
    ERROR_EXCERPT_LIMIT = 96, /* characters of a line that are shown */
};

struct errors {
    struct text all;
    char *first; /* of FIRST_ERROR_LIMIT bytes */
    uint32_t count;
};

/* `all` gets all texts (`size` bytes), `first` the first error in one line (FIRST_ERROR_LIMIT bytes). */
struct errors errors_in(char *all, size_t size, char *first);

/* The column of the place: characters, counted from 1 (a tab is one). */
uint32_t place_column(const struct place *place);

/* Reports an error. `a`, `b` and `c` are %1, %2 and %3 in the message's text and advice, or NULL. */
void errors_report(struct errors *errors, const struct place *place, enum message message, const char *a,
                   const char *b, const char *c);
/*
 * The same for a word that is not among `words` (which end with NULL). The advice is the nearest of them, or
 * all of them after `introduction`.
 */
void errors_report_word(struct errors *errors, const struct place *place, enum message message, const char *a,
                        const char *b, const char *const *words, const char *introduction);
/* Adds to an error about a whole file the place that included it. */
void errors_report_origin(struct errors *errors, const struct place *from);

#endif
