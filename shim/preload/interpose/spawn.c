/*
 * posix_spawn(3), system(3), popen(3) and wordexp(3): like exec(3), for the programs that these start
 * (child/child_environment.h). libc's system(), popen() and wordexp() start the shell by calls that nobody
 * can interpose on, with `environ`.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wordexp.h>

#include "preload/child/child_environment.h"
#include "preload/child/helper.h"
#include "preload/child/lent_environment.h"
#include "preload/child/permit.h"
#include "preload/libc/next.h"
#include "preload/libc/real.h"
#include "preload/sys/export.h"

static int spawn(struct permit *permit, pid_t *pid, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    char *made[helper_count(argv)];
    int error;

    helper_arguments(made, permit->path, argv);
    error = real.posix_spawn(pid, permit->helper, actions, attributes, made, envp);
    permit_end(permit);
    return error;
}

EXPORTED int posix_spawn(pid_t *restrict pid, const char *restrict path,
                         const posix_spawn_file_actions_t *restrict actions,
                         const posix_spawnattr_t *restrict attributes, char *const argv[restrict],
                         char *const envp[restrict])
{
    struct child_environment room;
    char *const *given = envp;
    struct permit permit;
    int error = ENOMEM;

    real_ready();
    if (child_environment(&given, &room)) {
        permit = permit_path(&room, path);
        error = permit.helper  ? spawn(&permit, pid, actions, attributes, argv, given)
                : permit.given ? real.posix_spawn(pid, path, actions, attributes, argv, given)
                               : errno;
    }
    child_environment_end(&room);
    return error;
}

EXPORTED int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                          const posix_spawn_file_actions_t *restrict actions,
                          const posix_spawnattr_t *restrict attributes, char *const argv[restrict],
                          char *const envp[restrict])
{
    struct child_environment room;
    char *const *given = envp;
    struct permit permit;
    int error = ENOMEM;

    real_ready();
    if (child_environment(&given, &room)) {
        permit = permit_name(&room, file);
        error = permit.helper  ? spawn(&permit, pid, actions, attributes, argv, given)
                : permit.given ? real.posix_spawnp(pid, file, actions, attributes, argv, given)
                               : errno;
    }
    child_environment_end(&room);
    return error;
}

EXPORTED int system(const char *command)
{
    int (*const call)(const char *) = next(NEXT_system);
    enum lent_environment lent;
    int status;

    if (!call || !command) /* system(NULL) asks whether there is a shell */
        return call ? call(command) : -1;
    lent = lent_environment_take();
    status = lent == LENT_FAILED ? -1 : call(command);
    lent_environment_return(lent);
    return status;
}

EXPORTED FILE *popen(const char *command, const char *mode)
{
    FILE *(*const call)(const char *, const char *) = next(NEXT_popen);
    enum lent_environment lent;
    FILE *stream;

    if (!call)
        return NULL;
    lent = lent_environment_take();
    stream = lent == LENT_FAILED ? NULL : call(command, mode);
    lent_environment_return(lent);
    return stream;
}

/* It lets a shell run what stands in "$(...)". */
EXPORTED int wordexp(const char *restrict text, wordexp_t *restrict words, int flags)
{
    int (*const call)(const char *, wordexp_t *, int) = next(NEXT_wordexp);
    enum lent_environment lent;
    int result;

    if (!call)
        return WRDE_NOSPACE;
    lent = lent_environment_take();
    result = lent == LENT_FAILED ? WRDE_NOSPACE : call(text, words, flags);
    lent_environment_return(lent);
    return result;
}

#ifdef __GLIBC__
/* Another name for it. */
EXPORTED FILE *_IO_popen(const char *command, const char *mode);
EXPORTED FILE *_IO_popen(const char *command, const char *mode)
{
    return popen(command, mode);
}
#endif
