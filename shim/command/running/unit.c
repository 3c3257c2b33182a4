#include "command/running/unit.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { FOLDER = 4096 };

static bool is_unit(const char *folder, const char *name)
{
    const size_t length = strlen(name);

    return strncmp(folder, name, length) == 0 &&
           (folder[length] == '\0' || (strcmp(folder + length, ".service") == 0 && !strchr(name, '.')));
}

static bool is_listed(const pid_t *process, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (process[i] == pid)
            return true;
    return false;
}

static size_t read_group(const char *folder, pid_t process[UNIT_PROCESSES], size_t count)
{
    char path[FOLDER + 16];
    FILE *list;
    int pid;

    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    list = fopen(path, "re");
    if (!list)
        return count;
    /* 0: a process of another PID namespace (cgroups(7)). */
    while (count < UNIT_PROCESSES && fscanf(list, "%d", &pid) == 1)
        if (pid > 0 && !is_listed(process, count, (pid_t)pid))
            process[count++] = (pid_t)pid;
    fclose(list);
    return count;
}

struct search {
    const char *name;
    pid_t *process;
    size_t count;
};

/* Looks at a folder of the hierarchy and at those in it. `inside`: it belongs to the unit. */
static void look(struct search *search, const char *folder, bool inside, unsigned depth)
{
    enum { DEPTH = 32 };
    DIR *const groups = depth < DEPTH ? opendir(folder) : NULL;
    const struct dirent *entry;
    char path[FOLDER];

    if (!groups)
        return;
    if (inside)
        search->count = read_group(folder, search->process, search->count);
    while ((entry = readdir(groups))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
            look(search, path, inside || is_unit(entry->d_name, search->name), depth + 1);
    }
    closedir(groups);
}

size_t unit_processes(const char *name, pid_t process[UNIT_PROCESSES])
{
    struct search search = {.name = name, .process = process};

    /* Version 2, or the hierarchies of version 1, among which systemd has one of its own (cgroups(7)). */
    look(&search, "/sys/fs/cgroup", false, 0);
    return search.count;
}
