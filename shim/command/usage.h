/* What the command says to a person: one style for all of its parts. */
#ifndef RETROTLS_COMMAND_USAGE_H
#define RETROTLS_COMMAND_USAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Writes a text to `out`, broken between words at the terminal's width (80 columns where there is none, and
 * never less than 40); further lines are indented by `indent`. A line break in the text stays one.
 */
void say(FILE *out, unsigned indent, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "retrotls: ..." on standard error, likewise. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A usage error: complain(), and where to find help. Returns EXIT_USAGE. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `status` as the exit status, once all is written to standard output; where it is not, EXIT_FAILURE, told.
 */
int finish(int status);

/* The terminal's width or COLUMNS, the lesser (80 where there is neither; never below 40); its height (24).
 */
size_t columns_of(FILE *out);
size_t lines_of(FILE *out);

/* Whether `out` is to be coloured: a terminal, and NO_COLOR (no-color.org) not set. */
bool in_colour(FILE *out);

#endif
