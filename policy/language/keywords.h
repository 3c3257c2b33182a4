/* The words of the language. Each list ends with NULL. */
#ifndef RETROTLS_POLICY_LANGUAGE_KEYWORDS_H
#define RETROTLS_POLICY_LANGUAGE_KEYWORDS_H

#include <stdbool.h>

/* In the order of enum policy_setting, then `include` and `match`. */
extern const char *const setting_words[];
/* In the order of enum criterion. */
extern const char *const criterion_words[];

/* The values of a setting. A setting keeps the index, except for tls-min and tls-max. */
extern const char *const level_words[];
extern const char *const protocol_words[];
extern const char *const tls_words[];                /* indices are enum tls_way */
extern const char *const yes_no_words[];             /* no, yes */
extern const char *const certificate_checks_words[]; /* normal, strict */
extern const char *const sandbox_words[];            /* required, optional */
extern const char *const unreached_words[];          /* warn, refuse */
extern const char *const reach_words[];              /* indices are enum reach */
extern const char *const version_words[];            /* 1.2, 1.3 */
extern const char *const log_words[];
extern const char *const ca_words[];  /* instead of a path; enum ca_file without its first */
extern const char *const pin_words[]; /* kinds of fingerprints */

/* The index of `word` in `words`, or -1. */
int word_index(const char *word, const char *const *words);
/*
 * Returns the index of the word at the beginning of `text`, up to a '=' or ':', which follow no word of this
 * language: "level=secure", "host:". -1 if there is none. `*sign` is the sign found.
 */
int word_before_sign(const char *text, const char *const *words, char *sign);

#endif
