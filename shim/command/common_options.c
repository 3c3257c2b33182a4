#include "command/common_options.h"

#include <getopt.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/own_policy.h"
#include "command/usage.h"

int common_option(const char *command, int option, char *const argv[], void (*help)(void))
{
    const char *const name = command ? command : "", *const colon = command ? ": " : "";

    switch (option) {
    case 'p':
        return use_policy(optarg) ? -1 : EXIT_USAGE;
    case 'h':
        help();
        return finish(EXIT_SUCCESS);
    case ':':
        return usage_error("%s%soption '%s' needs an argument", name, colon, argv[optind - 1]);
    default:
        return usage_error("%s%sunknown option '%s'", name, colon, argv[optind - 1]);
    }
}
