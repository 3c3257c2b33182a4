#include "preload/libc/exec_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/sys/path_search.h"
#include "preload/sys/sys.h"

#ifndef SYS_execveat
#    define SYS_execveat (-1)
#endif

/* A frame of ours may be a vfork(2) child's, which never returns from it to its parent's stack. */
#define MAY_NOT_RETURN __attribute__((no_sanitize_address))

int call_execve(const char *path, char *const argv[], char *const envp[])
{
    return (int)sys_call(SYS_execve, path, argv, envp);
}

/* Text without "#!" is for the shell. */
MAY_NOT_RETURN static void exec_by_shell(const char *path, char *const argv[], char *const envp[])
{
    static const char shell[] = "/bin/sh";
    size_t count = 0;

    while (argv[count])
        count++;

    const char *by_shell[count + 3];

    by_shell[0] = shell;
    by_shell[1] = path;
    by_shell[2] = NULL;
    for (size_t i = 1; i <= count; i++)
        by_shell[i + 1] = argv[i];
    call_execve(shell, (char *const *)by_shell, envp);
}

/* As glibc's (posix/execvpe.c). */
MAY_NOT_RETURN int call_execvpe(const char *file, char *const argv[], char *const envp[])
{
    struct path_search search;
    char path[PATH_MAX];
    bool denied = false;

    if (file[0] == '\0') {
        errno = ENOENT;
        return -1;
    }
    if (strlen(file) > NAME_MAX && !strchr(file, '/')) {
        errno = ENAMETOOLONG;
        return -1;
    }
    path_search_start(&search, file);
    while (path_search_next(&search, path)) {
        call_execve(path, argv, envp);
        if (errno == ENOEXEC)
            exec_by_shell(path, argv, envp);
        if (errno == EACCES)
            denied = true;
        else if (errno != ENOENT && errno != ESTALE && errno != ENOTDIR && errno != ENODEV &&
                 errno != ETIMEDOUT)
            return -1;
    }
    if (denied)
        errno = EACCES;
    return -1;
}

int call_fexecve(int fd, char *const argv[], char *const envp[])
{
    return call_execveat(fd, "", argv, envp, AT_EMPTY_PATH);
}

int call_execveat(int folder, const char *path, char *const argv[], char *const envp[], int flags)
{
    return (int)sys_call(SYS_execveat, folder, path, argv, envp, flags);
}

int call_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    (void)pid;
    (void)path;
    (void)actions;
    (void)attributes;
    (void)argv;
    (void)envp;
    return ENOSYS;
}
