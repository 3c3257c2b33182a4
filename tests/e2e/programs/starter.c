/*
 * Clears its environment and starts a program in the way that its first argument says; the others are the
 * program's own, the first of them its path. Shows no more than that program does.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

static char *const own[] = {(char[]){"OWN=1"}, NULL};
static char **words; /* of the program */

static void finish(pid_t child)
{
    int status = -1;

    if (child <= 0 || waitpid(child, &status, 0) != child)
        exit(125);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 124);
}

static void in_handler(int number)
{
    (void)number;
    execve(words[0], words, own);
}

static void spawn(int by_name)
{
    pid_t child = -1;

    errno = (by_name ? posix_spawnp : posix_spawn)(&child, words[0], NULL, NULL, words, own);
    finish(errno == 0 ? child : -1);
}

static void *spawn_in_thread(void *unused)
{
    (void)unused;
    spawn(1);
    return NULL;
}

/* In a thread with the smallest stack that there is; libc's own posix_spawn(3) brings its own. */
static void spawn_on_small_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    for (size_t size = 16384; size <= 1 << 20; size *= 2) {
        if (pthread_attr_setstacksize(&attributes, size) == 0 &&
            pthread_create(&thread, &attributes, spawn_in_thread, NULL) == 0)
            pthread_join(thread, NULL);
    }
    exit(125);
}

/* `shell`: the program's words in one, for the shell. */
static void by_shell(const char *shell, int piped)
{
    FILE *out;
    int byte;

    clearenv();
    if (!piped)
        exit(system(shell) == 0 && !environ ? 0 : 125); /* and it is as empty as before */
    out = popen(shell, "r");
    if (!out || environ)
        exit(125);
    while ((byte = fgetc(out)) != EOF)
        putchar(byte);
    exit(pclose(out) == 0 ? 0 : 125);
}

/* A word a line. */
static void by_wordexp(const char *shell)
{
    char text[4096];
    wordexp_t found;

    clearenv();
    snprintf(text, sizeof text, "$(%s)", shell);
    if (wordexp(text, &found, 0) != 0 || environ)
        exit(125);
    for (size_t i = 0; i < found.we_wordc; i++)
        puts(found.we_wordv[i]);
    wordfree(&found);
    exit(0);
}

int main(int argc, char **argv)
{
    const char *const way = argc > 2 ? argv[1] : "";
    const char *const path = argc > 2 ? argv[2] : "";
    const char *const first = argc > 3 ? argv[3] : NULL;

    words = argv + 2;
    if (strcmp(way, "execve") == 0)
        execve(path, words, own);
    if (strcmp(way, "execve-null") == 0)
        execve(path, words, NULL);
    if (strcmp(way, "execvpe") == 0)
        execvpe(path, words, own);
    if (strcmp(way, "execle") == 0)
        execle(path, path, first, NULL, own);
    if (strcmp(way, "fexecve") == 0)
        fexecve(open(path, O_RDONLY | O_CLOEXEC), words, own);
#ifdef __GLIBC__
    if (strcmp(way, "execveat") == 0)
        execveat(AT_FDCWD, path, words, own, 0);
#endif
    if (strcmp(way, "syscall") == 0)
        syscall(SYS_execve, path, words, own);
    if (strcmp(way, "syscall-at") == 0)
        syscall(SYS_execveat, AT_FDCWD, path, words, own, 0);
    if (strcmp(way, "posix_spawn") == 0 || strcmp(way, "posix_spawnp") == 0)
        spawn(way[strlen(way) - 1] == 'p');
    if (strcmp(way, "small-stack") == 0)
        spawn_on_small_stack();
    if (strcmp(way, "vfork") == 0) {
        const pid_t child = vfork();
        if (child == 0) {
            execve(path, words, own);
            _exit(127);
        }
        finish(child);
    }
    if (strcmp(way, "handler") == 0) {
        signal(SIGUSR1, in_handler);
        raise(SIGUSR1);
    }
    if (strcmp(way, "wordexp") == 0)
        by_wordexp(path);
    if (strcmp(way, "system") == 0 || strcmp(way, "popen") == 0)
        by_shell(path, way[0] == 'p');
    clearenv();
    if (strcmp(way, "execv") == 0)
        execv(path, words);
    if (strcmp(way, "execvp") == 0)
        execvp(path, words);
    if (strcmp(way, "execl") == 0)
        execl(path, path, first, NULL);
    if (strcmp(way, "execlp") == 0)
        execlp(path, path, first, NULL);
    perror(way);
    return 126;
}
