/*
 * `retrotls-supervise exec PATH ARGUMENT...`: the library executes this in place of a program that it cannot
 * reach (preload/child/helper.h).
 */
#ifndef RETROTLS_SUPERVISE_BECOME_BECOME_H
#define RETROTLS_SUPERVISE_BECOME_BECOME_H

/*
 * Puts this process under a supervisor, then executes `path` with the arguments `argv` and our environment.
 * Returns only on failure: an exit status, after it has written the reason to the log and to standard error.
 */
int become_supervised(const char *path, char *argv[]);

#endif
