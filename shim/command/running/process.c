#include "command/running/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_NAME = 64 };

static FILE *open_file(pid_t pid, const char *which)
{
    char path[FILE_NAME];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, which);
    return fopen(path, "re");
}

static const char *base_of(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void strip(char *path)
{
    static const char mark[] = " (deleted)";
    const size_t length = strlen(path), mark_length = sizeof mark - 1;

    if (length > mark_length && strcmp(path + length - mark_length, mark) == 0)
        path[length - mark_length] = '\0';
}

/* A file that an upgrade has replaced is still the one that runs. */
static int read_program(struct process *process)
{
    char path[FILE_NAME];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)process->pid);
    length = readlink(path, process->program, sizeof process->program - 1);
    if (length < 0)
        return errno;
    process->program[length] = '\0';
    strip(process->program);
    return 0;
}

static int read_library(struct process *process)
{
    FILE *const maps = open_file(process->pid, "maps");
    char *line = NULL, *path;
    size_t size = 0;

    if (!maps)
        return errno;
    while (!process->library[0] && getline(&line, &size, maps) > 0) {
        path = strchr(line, '/');
        if (!path)
            continue;
        path[strcspn(path, "\n")] = '\0';
        strip(path);
        if (strcmp(base_of(path), "libretrotls.so") == 0)
            snprintf(process->library, sizeof process->library, "%s", path);
    }
    free(line);
    fclose(maps);
    return 0;
}

static int read_status(struct process *process, bool *filtered)
{
    FILE *const status = open_file(process->pid, "status");
    char line[256];
    unsigned user;
    int filter;

    if (!status)
        return errno;
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "Uid: %*u %u", &user) == 1)
            process->user = (uid_t)user;
        else if (sscanf(line, "Seccomp: %d", &filter) == 1)
            *filtered = filter == 2; /* proc(5) */
    }
    fclose(status);
    return 0;
}

static int read_environment(struct process *process, bool *told)
{
    FILE *const environment = open_file(process->pid, "environ");
    char *variable = NULL;
    size_t size = 0;

    if (!environment)
        return errno;
    while (getdelim(&variable, &size, '\0', environment) > 0) {
        if (strncmp(variable, "RETROTLS_POLICY=", 16) == 0)
            snprintf(process->policy, sizeof process->policy, "%s", variable + 16);
        else if (strncmp(variable, "HOME=", 5) == 0)
            snprintf(process->home, sizeof process->home, "%s", variable + 5);
        else if (strncmp(variable, "RETROTLS_SUPERVISED=", 20) == 0)
            *told = true;
    }
    free(variable);
    fclose(environment);
    return 0;
}

int process_look(struct process *process, pid_t pid)
{
    bool filtered = false, told = false;
    int error;

    *process = (struct process){.pid = pid};
    error = read_status(process, &filtered);
    if (error == 0)
        error = read_program(process);
    if (error == 0)
        error = read_library(process);
    if (error == 0)
        error = read_environment(process, &told);
    process->supervised = filtered && told;
    return error == ESRCH ? ENOENT : error == EPERM ? EACCES : error;
}

bool process_is_ours(const struct process *process)
{
    return strcmp(base_of(process->program), "retrotls-relay") == 0 ||
           strcmp(base_of(process->program), "retrotls-supervise") == 0;
}
