/*
 * A line on the terminal (standard error) that says what we wait for, and for how long. It appears after a
 * second, and is erased in the end. If there is no terminal, nothing is shown.
 */
#ifndef RETROTLS_CHECK_PROGRESS_H
#define RETROTLS_CHECK_PROGRESS_H

/* Shows what we wait for from now on. Replaces what we waited for before, and keeps counting the seconds. */
void progress_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Erases the line. Call this before anything else is written to the terminal. */
void progress_end(void);

#endif
