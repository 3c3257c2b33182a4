#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/common_options.h"
#include "command/usage.h"
#include "policy/text.h"
#include "wire/log_line.h"

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments, *purpose;
};

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct subcommand subcommands[] = {
    {"check", command_check, "HOST[:PORT]...", "whether a server meets the policy"},
    {"doctor", command_doctor, "PROGRAM", "how PROGRAM would be guarded, or why it cannot be"},
    {"explain", command_explain, "HOST[:PORT]", "what the policy decides for a connection, and why"},
    {"help", command_help, "[COMMAND]", "this text, or that of COMMAND"},
    {"lint", command_lint, "[FILE]", "every error of the policy"},
    {"log", command_log, "", "the last connections, wherever the log is"},
    {"status", command_status, "", "the connections of your programs now"},
    {"version", command_version, "", "the version of retrotls"},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static void help(void)
{
    puts("Usage: retrotls [OPTION]... PROGRAM [ARGUMENT]...\n"
         "  or:  retrotls [OPTION]... COMMAND [ARGUMENT]...\n"
         "Run PROGRAM with its plaintext mail connections upgraded by STARTTLS.\n"
         "\n"
         "  -p, --policy=FILE   take the policy from FILE\n"
         "      --supervise     guard PROGRAM from outside, and all that it starts: the\n"
         "                      default for what a preload does not reach\n"
         "      --no-supervise  never supervise; refuse what a preload does not reach\n"
         "  -v, --verbose       one line per connection on standard error\n"
         "  -h, --help          show this and exit\n"
         "  -V, --version       show the version and exit\n"
         "      --              the next word is PROGRAM, even if it names a command\n"
         "\n"
         "Commands:");
    for (const struct subcommand *s = subcommands; s < subcommands + SUBCOMMANDS; s++)
        printf("  %-7s %-15s %s\n", s->name, s->arguments, s->purpose);
    puts("\n"
         "Exit status: that of PROGRAM; 2 wrong usage; 126 PROGRAM cannot be executed or\n"
         "would run unguarded; 127 PROGRAM not found.");
}

static const struct subcommand *subcommand(const char *name)
{
    for (const struct subcommand *s = subcommands; s < subcommands + SUBCOMMANDS; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

static const char *nearest_subcommand(const char *name)
{
    const char *names[SUBCOMMANDS + 1] = {NULL};

    for (size_t i = 0; i < SUBCOMMANDS; i++)
        names[i] = subcommands[i].name;
    return strchr(name, '/') ? NULL : nearest_word(name, names, NULL);
}

static int command_help(int argc, char **argv)
{
    const bool of_itself = argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    const struct subcommand *const command = argc > 1 ? subcommand(argv[1]) : NULL;
    char *arguments[] = {argv[1], (char *)"--help", NULL};
    const char *meant;

    if (argc > 2)
        return usage_error("help: one command at a time");
    if (argc > 1 && !of_itself && !command) {
        meant = nearest_subcommand(argv[1]);
        return meant ? usage_error("help: no command '%s'; did you mean '%s'?", argv[1], meant)
                     : usage_error("help: no command '%s'", argv[1]);
    }
    if (command && command->run != command_help)
        return command->run(2, arguments);
    if (argc > 1)
        puts("Usage: retrotls help [COMMAND]\n"
             "Show how to use retrotls, or COMMAND.\n"
             "\n"
             "  -h, --help  show this and exit");
    else
        help();
    return finish(EXIT_SUCCESS);
}

static int command_version(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-h") != 0 && strcmp(argv[1], "--help") != 0)
        return usage_error("version: unexpected argument '%s'", argv[1]);
    puts(argc > 1 ? "Usage: retrotls version\n"
                    "Show the version of retrotls.\n"
                    "\n"
                    "  -h, --help  show this and exit"
                  : "retrotls " RETROTLS_VERSION);
    return finish(EXIT_SUCCESS);
}

/*
 * This process becomes the program. Many processes may inherit the variable, but only this one prints a last
 * line.
 */
static void be_verbose(void)
{
    char process[24];

    snprintf(process, sizeof process, "%ld", (long)getpid());
    setenv("RETROTLS_LOG", "stderr", 1);
    setenv(VERBOSE_VARIABLE, process, 1);
}

int main(int argc, char **argv)
{
    enum { SUPERVISE = 256, NO_SUPERVISE };
    static const enum reach supervise = REACH_SUPERVISE, preload = REACH_PRELOAD;
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},
        {"verbose", no_argument, NULL, 'v'},
        {"supervise", no_argument, NULL, SUPERVISE},
        {"no-supervise", no_argument, NULL, NO_SUPERVISE},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    const struct subcommand *command;
    const enum reach *wanted = NULL;
    int option, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:hp:vV", options, NULL)) != -1) {
        switch (option) {
        case 'v':
            be_verbose();
            break;
        case SUPERVISE:
            wanted = &supervise;
            break;
        case NO_SUPERVISE:
            wanted = &preload;
            break;
        case 'V':
            return command_version(0, NULL);
        default:
            status = common_option(NULL, option, argv, help);
            if (status >= 0)
                return status;
        }
    }
    if (optind == argc)
        return usage_error("which program?");
    argv += optind;
    argc -= optind;
    if (strcmp(argv[-1], "--") == 0)
        return launch(argv, NULL, wanted);
    command = subcommand(argv[0]);
    if (!command)
        return launch(argv, nearest_subcommand(argv[0]), wanted);
    optind = 1;
    return command->run(argc, argv);
}
