/*
 * The parts of the command. A subcommand gets its own argument vector (argv[0] is its name, optind is 1) and
 * returns the exit status. Each is one line in the table of command_main.c.
 */
#ifndef RETROTLS_COMMAND_COMMAND_H
#define RETROTLS_COMMAND_COMMAND_H

#include "wire/settings.h"

/* As in env(1), and customary in GNU programs. */
enum {
    EXIT_USAGE = 2,     /* wrong usage of retrotls itself; it started nothing */
    EXIT_REFUSED = 126, /* the program is not executable, or would run unguarded */
    EXIT_MISSING = 127, /* no such program */
};

/*
 * Runs the program argv[0] with the library preloaded, beside a supervisor, or both. `wanted` says which;
 * NULL: the policy decides. Returns only on failure. If there is no such program, argv[0] may be a
 * misspelling of the subcommand `meant` (NULL: of none).
 */
int launch(char **argv, const char *meant, const enum reach *wanted);

/* Negotiates with a server as the relay would, and shows the result. Returns only on failure. */
int command_check(int argc, char **argv);
/* Says how a program would be guarded, or why it cannot be, and what it would find there. */
int command_doctor(int argc, char **argv);
/* Says what the policy decides for a connection, and where each setting comes from. */
int command_explain(int argc, char **argv);
/* Shows what the log has of the last connections, wherever it is. */
int command_log(int argc, char **argv);
/* Shows every error of a policy. Returns only on failure. */
int command_lint(int argc, char **argv);
/* Shows the live connections of this user's programs. */
int command_status(int argc, char **argv);

#endif
