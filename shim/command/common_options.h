/* The options of all commands, --policy and --help, and the errors for any others. */
#ifndef RETROTLS_COMMAND_COMMON_OPTIONS_H
#define RETROTLS_COMMAND_COMMON_OPTIONS_H

/*
 * Handles an option from getopt_long(3) that the command does not handle itself. `command` is its name, or
 * NULL for retrotls alone; `help` prints its help. The option string must begin with ':', or with "+:".
 * Returns -1 to go on, or the exit status.
 */
int common_option(const char *command, int option, char *const argv[], void (*help)(void));

#endif
