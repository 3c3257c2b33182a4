#include "supervise/become/become.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/process/config.h"
#include "preload/process/library_log.h"
#include "supervise/start/start_supervisor.h"

enum { EXIT_REFUSED = 126, EXIT_MISSING = 127 };

static int refuse(const char *path, const char *why)
{
    static char words[HANDOVER_WORDS + PATH_MAX + 128], line[LIBRARY_LOG_LINE_SIZE];
    const char *const log = config_log();

    snprintf(words, sizeof words,
             "%s is not reached by a preloaded library, and cannot be supervised here: %s", path, why);
    library_log_warning(log, words, line);
    if (!log || strcmp(log, "stderr") != 0)
        fprintf(stderr, "retrotls: %s\n", words);
    return EXIT_REFUSED;
}

int become_supervised(const char *path, char *argv[])
{
    static char self[PATH_MAX], words[HANDOVER_WORDS];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length <= 0)
        return refuse(path, "/proc is missing");
    if (!is_supervised() && !start_supervisor(self, words))
        return refuse(path, words);
    if (setenv("RETROTLS_SUPERVISED", "1", 1) != 0)
        return refuse(path, strerror(errno));
    execv(path, argv);
    fprintf(stderr, "retrotls: %s: %s\n", path, strerror(errno));
    return errno == ENOENT ? EXIT_MISSING : EXIT_REFUSED;
}
