/* How the command talks to a person, in one style for all its parts. */
#ifndef RETROTLS_COMMAND_USAGE_H
#define RETROTLS_COMMAND_USAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Writes a text to `out`, wrapped between words at the terminal's width (80 columns without a terminal, never
 * less than 40). Further lines are indented by `indent`. Keeps line breaks in the text.
 */
void say(FILE *out, unsigned indent, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Replaces control characters, including 0xc2 0x80-0x9f: names come from anyone, and terminals act on them.
 */
void tame(char *text);

/* Writes "retrotls: ..." to standard error, wrapped like say(). */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reports a usage error: complain(), and where to find help. Returns EXIT_USAGE. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes standard output and returns `status`. If that fails, complains and returns EXIT_FAILURE. */
int finish(int status);

/*
 * The smaller of the terminal's width and COLUMNS (80 without either; never below 40), and its height (24).
 */
size_t columns_of(FILE *out);
size_t lines_of(FILE *out);

/* True if we should colour `out`: it is a terminal, and NO_COLOR (no-color.org) is not set. */
bool in_colour(FILE *out);

#endif
