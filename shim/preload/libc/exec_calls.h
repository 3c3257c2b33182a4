/* Stand-ins for libc's functions that execute programs, where a libc lacks one. Internal to libc/. */
#ifndef RETROTLS_PRELOAD_LIBC_EXEC_CALLS_H
#define RETROTLS_PRELOAD_LIBC_EXEC_CALLS_H

#include <spawn.h>
#include <sys/types.h>

int call_execve(const char *path, char *const argv[], char *const envp[]);
/* glibc has execvpe(3) since 2.11. */
int call_execvpe(const char *file, char *const argv[], char *const envp[]);
int call_fexecve(int fd, char *const argv[], char *const envp[]);
/* glibc has execveat(2) since 2.34. */
int call_execveat(int folder, const char *path, char *const argv[], char *const envp[], int flags);
/* Every libc has it. */
int call_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);

#endif
