#include "command/reach/ld_so.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs in the child. If exec fails, it writes the errno to `failed`. */
static _Noreturn void become(const char *loader, const char *program, const char *preload, int output,
                             int failed)
{
    static char library_path[65536], preloaded[8192];
    char *const arguments[] = {(char *)loader, (char *)"--list", (char *)program, NULL};
    char *environment[] = {(char *)"LC_ALL=C", NULL, NULL, NULL};
    const char *const path = getenv("LD_LIBRARY_PATH");
    const int null = open("/dev/null", O_RDONLY);
    size_t count = 1;
    int error;

    if (preload) {
        snprintf(preloaded, sizeof preloaded, "LD_PRELOAD=%s", preload);
        environment[count++] = preloaded;
    }
    if (path) {
        snprintf(library_path, sizeof library_path, "LD_LIBRARY_PATH=%s", path);
        environment[count++] = library_path;
    }
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execve(loader, arguments, environment);
    error = errno;
    if (write(failed, &error, sizeof error) != sizeof error)
        abort();
    _exit(127);
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads `from` to its end, and keeps what fits. False if the time ran out. */
static bool collect(int from, char *output, size_t size)
{
    const int64_t deadline = now() + LD_SO_SECONDS * 1000;
    char chunk[4096];
    size_t length = 0;

    for (;;) {
        struct pollfd waiting = {.fd = from, .events = POLLIN};
        const int64_t left = deadline - now();
        ssize_t got;
        size_t kept;

        output[length] = '\0';
        if (left <= 0)
            return false;
        if (poll(&waiting, 1, (int)left) <= 0)
            continue;
        got = read(from, chunk, sizeof chunk);
        if (got == 0)
            return true;
        if (got < 0) {
            if (errno != EINTR)
                return false;
            continue;
        }
        kept = (size_t)got < size - 1 - length ? (size_t)got : size - 1 - length;
        memcpy(output + length, chunk, kept);
        length += kept;
    }
}

void ld_so_list(struct ld_so_answer *answer, const char *loader, const char *program, const char *preload)
{
    int output[2], failed[2], status;
    char *real;
    pid_t child;

    answer->status = -1;
    answer->error = 0;
    answer->output[0] = '\0';
    if (pipe2(output, O_CLOEXEC) != 0) {
        answer->error = errno;
        return;
    }
    if (pipe2(failed, O_CLOEXEC) != 0) {
        answer->error = errno;
        close(output[0]);
        close(output[1]);
        return;
    }
    /* With --list, the loader takes $ORIGIN from the path as given; with execve(), from the real file. */
    real = realpath(program, NULL);
    child = fork();
    if (child == 0)
        become(loader, real ? real : program, preload, output[1], failed[1]);
    free(real);
    if (child < 0)
        answer->error = errno;
    close(output[1]);
    close(failed[1]);
    if (child > 0) {
        if (!collect(output[0], answer->output, sizeof answer->output))
            kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        answer->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (read(failed[0], &answer->error, sizeof answer->error) != sizeof answer->error)
            answer->error = 0;
    }
    close(output[0]);
    close(failed[0]);
}

/*
 * A line is "\tNAME => PATH (0xADDRESS)" or "\tPATH (0xADDRESS)"; "\tNAME => not found" for a missing
 * library, and "\tlinux-vdso.so.1 (0x...)" for the kernel's own.
 */
void ld_so_each_file(const struct ld_so_answer *answer, void (*each)(void *context, const char *path),
                     void *context)
{
    static char path[8192];

    for (const char *line = answer->output; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const size_t length = strcspn(line, "\n");
        const char *const arrow = memmem(line, length, " => ", 4);
        const char *const start = arrow ? arrow + 4 : line + 1;
        const char *end = line + length;
        const char *at;

        if (line[0] != '\t' || start > end)
            continue;
        for (at = start; (at = memmem(at, (size_t)(line + length - at), " (0x", 4)); at++)
            end = at;
        if (*start != '/' || (size_t)(end - start) >= sizeof path)
            continue;
        memcpy(path, start, (size_t)(end - start));
        path[end - start] = '\0';
        each(context, path);
    }
}
