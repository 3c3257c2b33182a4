#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/usage.h"
#include "policy/text.h"

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments, *purpose;
};

static const struct subcommand subcommands[] = {
    {"check", command_check, "HOST[:PORT]", "whether a server meets the policy"},
    {"doctor", command_doctor, "PROGRAM", "whether a preload can reach PROGRAM, or why not"},
    {"explain", command_explain, "HOST[:PORT]", "what the policy decides for a connection, and why"},
    {"lint", command_lint, "[FILE]", "every error of the policy"},
    {"status", command_status, "", "the connections of your programs now"},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static void help(void)
{
    puts("Usage: retrotls [OPTION]... PROGRAM [ARGUMENT]...\n"
         "  or:  retrotls [OPTION]... COMMAND [ARGUMENT]...\n"
         "Run PROGRAM with its plaintext mail connections upgraded by STARTTLS.\n"
         "\n"
         "  -p, --policy=FILE   take the policy from FILE\n"
         "  -v, --verbose       one line per connection on standard error\n"
         "      --help          show this and exit\n"
         "      --version       show the version and exit\n"
         "      --              what follows is a PROGRAM, also if named like a command\n"
         "\n"
         "Commands:");
    for (const struct subcommand *s = subcommands; s < subcommands + SUBCOMMANDS; s++)
        printf("  %-7s %-14s  %s\n", s->name, s->arguments, s->purpose);
    puts("\n"
         "Exit status: that of PROGRAM; 2 wrong usage; 126 PROGRAM cannot be executed or\n"
         "would run unguarded; 127 PROGRAM not found.");
}

/* Makes the policy's path absolute: the program may change its folder before it connects. */
static bool set_policy(const char *file)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];

    if (*file != '/') {
        if (!getcwd(folder, sizeof folder))
            return false;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        file = path;
    }
    return setenv("RETROTLS_POLICY", file, 1) == 0;
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

int main(int argc, char **argv)
{
    enum { HELP = 256, VERSION };
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    const struct subcommand *command;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:p:v", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            if (!set_policy(optarg))
                return usage_error("cannot tell where '%s' is", optarg);
            break;
        case 'v':
            setenv("RETROTLS_LOG", "stderr", 1);
            break;
        case HELP:
            help();
            return finish(EXIT_SUCCESS);
        case VERSION:
            puts("retrotls " RETROTLS_VERSION);
            return finish(EXIT_SUCCESS);
        case ':':
            return usage_error("option '%s' needs an argument", argv[optind - 1]);
        default:
            return usage_error("unknown option '%s'", argv[optind - 1]);
        }
    }
    if (optind == argc)
        return usage_error("which program?");
    argv += optind;
    argc -= optind;
    if (strcmp(argv[-1], "--") == 0)
        return launch(argv, NULL);
    command = subcommand(argv[0]);
    if (!command)
        return launch(argv, nearest_subcommand(argv[0]));
    optind = 1;
    return command->run(argc, argv);
}
