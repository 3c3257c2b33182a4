/*
 * exec(3): makes sure that the new program's environment has what the library needs to guard it
 * (child/child_environment.h). Everything else is passed on as it is.
 *
 * All of them may be called in a signal handler, and in a child of vfork(2).
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "preload/child/child_environment.h"
#include "preload/child/helper.h"
#include "preload/child/permit.h"
#include "preload/interpose/exec.h"
#include "preload/libc/real.h"
#include "preload/sys/export.h"

/*
 * A vfork(2) child that succeeds never returns: AddressSanitizer's notes on its frame would stay on its
 * parent's stack.
 */
#define MAY_NOT_RETURN __attribute__((no_sanitize_address))

/* The strings go onto the stack: a mapping would stay in the memory of vfork(2)'s caller. */
static MAY_NOT_RETURN __attribute__((noinline)) int exec_by_helper(struct permit *permit, char *const argv[],
                                                                   char *const envp[])
{
    char helper[strlen(permit->helper) + 1], path[strlen(permit->path) + 1], *made[helper_count(argv)];

    strcpy(helper, permit->helper);
    strcpy(path, permit->path);
    helper_arguments(made, path, argv);
    permit_end(permit);
    return real.execve(helper, made, envp);
}

EXPORTED MAY_NOT_RETURN int execve(const char *path, char *const argv[], char *const envp[])
{
    struct child_environment room;
    struct permit permit;

    real_ready();
    if (child_environment(&envp, &room)) {
        permit = permit_path(&room, path);
        if (permit.helper)
            exec_by_helper(&permit, argv, envp);
        else if (permit.given)
            real.execve(path, argv, envp);
    }
    child_environment_end(&room);
    return -1;
}

EXPORTED MAY_NOT_RETURN int execvpe(const char *file, char *const argv[], char *const envp[])
{
    struct child_environment room;
    struct permit permit;

    real_ready();
    if (child_environment(&envp, &room)) {
        permit = permit_name(&room, file);
        if (permit.helper)
            exec_by_helper(&permit, argv, envp);
        else if (permit.given)
            real.execvpe(file, argv, envp);
    }
    child_environment_end(&room);
    return -1;
}

EXPORTED MAY_NOT_RETURN int fexecve(int fd, char *const argv[], char *const envp[])
{
    struct child_environment room;
    struct permit permit;

    real_ready();
    if (child_environment(&envp, &room)) {
        permit = permit_at(&room, fd, "", AT_EMPTY_PATH);
        if (permit.helper)
            exec_by_helper(&permit, argv, envp);
        else if (permit.given)
            real.fexecve(fd, argv, envp);
    }
    child_environment_end(&room);
    return -1;
}

MAY_NOT_RETURN int exec_at(int folder, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct child_environment room;
    struct permit permit;

    real_ready();
    if (child_environment(&envp, &room)) {
        permit = permit_at(&room, folder, path, flags);
        if (permit.helper)
            exec_by_helper(&permit, argv, envp);
        else if (permit.given)
            real.execveat(folder, path, argv, envp, flags);
    }
    child_environment_end(&room);
    return -1;
}

#ifdef __GLIBC__ /* musl has none */
EXPORTED MAY_NOT_RETURN int execveat(int folder, const char *path, char *const argv[], char *const envp[],
                                     int flags);
EXPORTED MAY_NOT_RETURN int execveat(int folder, const char *path, char *const argv[], char *const envp[],
                                     int flags)
{
    return exec_at(folder, path, argv, envp, flags);
}
#endif

EXPORTED int execv(const char *path, char *const argv[])
{
    return execve(path, argv, environ);
}

EXPORTED int execvp(const char *file, char *const argv[])
{
    return execvpe(file, argv, environ);
}

/* ---- calls with a list of arguments, which go onto the stack, as in glibc (posix/execl.c) */

/* How many arguments there are from `first` on, without the NULL. Ends `list`. */
static size_t count_list(const char *first, va_list *list)
{
    size_t count = 0;

    for (const char *each = first; each; each = va_arg(*list, const char *))
        count++;
    return count;
}

/* Fills `argv` with `first`, the `count` - 1 that follow, and the NULL, which is read from the list too. */
static void read_list(char *argv[], size_t count, const char *first, va_list *list)
{
    argv[0] = (char *)first;
    for (size_t i = 1; i <= count; i++)
        argv[i] = va_arg(*list, char *);
}

EXPORTED MAY_NOT_RETURN int execl(const char *path, const char *first, ...)
{
    va_list list;
    size_t count;

    va_start(list, first);
    count = count_list(first, &list);
    va_end(list);

    char *argv[count + 1];

    va_start(list, first);
    read_list(argv, count, first, &list);
    va_end(list);
    return execv(path, argv);
}

EXPORTED MAY_NOT_RETURN int execlp(const char *file, const char *first, ...)
{
    va_list list;
    size_t count;

    va_start(list, first);
    count = count_list(first, &list);
    va_end(list);

    char *argv[count + 1];

    va_start(list, first);
    read_list(argv, count, first, &list);
    va_end(list);
    return execvp(file, argv);
}

EXPORTED MAY_NOT_RETURN int execle(const char *path, const char *first, ...)
{
    va_list list;
    size_t count;
    char *const *envp;

    va_start(list, first);
    count = count_list(first, &list);
    va_end(list);

    char *argv[count + 1];

    va_start(list, first);
    read_list(argv, count, first, &list);
    envp = va_arg(list, char *const *);
    va_end(list);
    return execve(path, argv, envp);
}
