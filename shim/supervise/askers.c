#include "supervise/askers.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "preload/names/names.h"

enum { PROCESSES = 4096 /* a process takes the place of an earlier one whose PID is equal modulo this */ };

static struct process {
    pid_t pid;
    unsigned long long started, number;
} processes[PROCESSES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct task {
    unsigned flags; /* PF_... (include/linux/sched.h) */
    long threads;
    unsigned long long started;
};

/*
 * Reads /proc/PID/stat, or that of a thread (proc(5)). The command's name in brackets may contain anything.
 */
static bool read_stat(const char *path, struct task *task)
{
    char line[1024];
    const char *rest = NULL;
    FILE *const stat = fopen(path, "re");

    if (stat) {
        line[fread(line, 1, sizeof line - 1, stat)] = '\0';
        rest = strrchr(line, ')');
        fclose(stat);
    }
    return rest &&
           sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
                  &task->flags, &task->threads, &task->started) == 3;
}

/* Counts the threads that /proc lists, and those among them that are not exiting. */
static void count_threads(pid_t pid, long *known, long *going_on)
{
    enum { PF_EXITING = 4 };
    char path[64];
    const struct dirent *entry;
    DIR *folder;

    *known = *going_on = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    folder = opendir(path);
    while (folder && *going_on < 2 && (entry = readdir(folder))) {
        struct task task;

        if (entry->d_name[0] == '.')
            continue;
        ++*known;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/stat", (int)pid, entry->d_name);
        if (read_stat(path, &task) && !(task.flags & PF_EXITING))
            ++*going_on;
    }
    if (folder)
        closedir(folder);
}

/*
 * True if all threads but one have ended. The kernel still counts a thread for a while after pthread_join(3)
 * has returned: do_exit() in kernel/exit.c sets PF_EXITING before it wakes the waiter. If a thread disappears
 * while we read the folder, we may miss another one.
 */
static bool has_one_thread(const char *stat, pid_t pid, struct task *task)
{
    enum { TRIES = 10 };

    for (int tries = 0; tries < TRIES && read_stat(stat, task); tries++) {
        long known, going_on;

        if (task->threads == 1)
            return true;
        count_threads(pid, &known, &going_on);
        if (going_on > 1)
            return false;
        if (going_on == 1 && known >= task->threads)
            return true;
    }
    return false;
}

uint64_t asking_process(const struct client *client)
{
    struct process *const p = &processes[(size_t)client->pid % PROCESSES];
    struct task task;
    char path[64];
    uint64_t number;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)client->pid);
    if (!has_one_thread(path, client->pid, &task))
        return 0;
    pthread_mutex_lock(&lock);
    if (p->pid != client->pid || p->started != task.started)
        *p = (struct process){.pid = client->pid, .started = task.started, .number = names_now()};
    number = p->number;
    pthread_mutex_unlock(&lock);
    return number;
}
