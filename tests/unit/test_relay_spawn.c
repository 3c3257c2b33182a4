/* The relay is started so that the program cannot notice, and failures are reported. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/relay/relay_spawn.h"
#include "preload/sys/sys.h"
#include "tests/unit/cmocka_all.h"

static char *const environment[] = {(char[]){"RETROTLS_RELAY=1:0"}, NULL};
static volatile sig_atomic_t children;

static void on_child(int number)
{
    (void)number;
    children++;
}

static int start(const char *path, int listener, int members)
{
    const sys_signals signals = sys_signals_block();
    const int error = spawn_relay(path, environment, listener, members);

    sys_signals_restore(signals);
    return error;
}

/* A stand-in for the listener, close-on-exec like the real one. */
static int open_listener(void)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void failure_of_exec_is_told(void **state)
{
    const int listener = open_listener();

    (void)state;
    if (getenv("RETROTLS_EMULATED")) {
        print_message("qemu-user has no vfork(2) that waits for the program\n");
        close(listener);
        skip();
    }
    assert_int_equal(start("/nonexistent/retrotls-relay", listener, -1), ENOENT);
    assert_int_equal(start("/etc/passwd", listener, -1), EACCES);
    assert_int_equal(start("/", listener, -1), EACCES);
    assert_true(fcntl(listener, F_GETFD) >= 0);
    close(listener);
}

static void no_child_no_signal_and_the_subreaper_kept(void **state)
{
    const struct sigaction action = {.sa_handler = on_child};
    const int listener = open_listener();
    int subreaper = 0;

    (void)state;
    assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        print_message("PR_SET_CHILD_SUBREAPER is not known (qemu-user)\n");
        close(listener);
        skip();
    }
    assert_int_equal(start("/bin/true", listener, -1), 0);
    assert_int_equal(start("/nonexistent", listener, -1), ENOENT);
    assert_int_equal(children, 0);
    assert_int_equal(waitpid(-1, NULL, __WALL), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0), 0);
    assert_int_equal(subreaper, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    close(listener);
}

/* Returns what a script run in place of the relay finds: it writes that to its descriptor 3 and ends. */
static void look_from_inside(char *found, size_t size, int members)
{
    char folder[] = "/tmp/retrotls-spawn-XXXXXX", script[64];
    int ends[2];
    size_t used = 0;
    ssize_t got;
    FILE *file;

    assert_non_null(mkdtemp(folder));
    snprintf(script, sizeof script, "%s/relay", folder);
    file = fopen(script, "w");
    assert_non_null(file);
    fputs("#!/bin/sh\n"
          "while read name value; do case $name in SigBlk:) mask=$value; esac; done < /proc/$$/status\n"
          "for f in 0 1 2 3 4 5 6 7 8 9; do all=\"$all $f=$(readlink /proc/$$/fd/$f)\"; done\n"
          "echo \"$all cwd=$(readlink /proc/$$/cwd) relay=$RETROTLS_RELAY preload=$LD_PRELOAD mask=$mask\" "
          ">&3\n",
          file);
    fclose(file);
    chmod(script, 0700);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(start(script, ends[1], members), 0);
    close(ends[1]);
    while (used < size - 1 && (got = read(ends[0], found + used, size - 1 - used)) > 0)
        used += (size_t)got;
    found[used] = '\0';
    close(ends[0]);
    unlink(script);
    rmdir(folder);
}

static void nothing_of_the_programs_is_in_it(void **state)
{
    static char found[4096];
    const int secret = open("/etc/passwd", O_RDONLY); /* would survive an exec */

    (void)state;
    setenv("LD_PRELOAD", "libc.so.6", 1);
    look_from_inside(found, sizeof found, -1);
    assert_null(strstr(found, "passwd"));
    assert_non_null(strstr(found, " 0=/dev/null 1=/dev/null 2=/dev/null 3=pipe:"));
    assert_non_null(strstr(found, " cwd=/ relay=1:0 preload= mask=0000000000000000\n"));
    close(secret);
}

static void it_starts_with_the_standard_descriptors_closed(void **state)
{
    static char found[4096];
    int kept[3];

    (void)state;
    for (int fd = 0; fd < 3; fd++) {
        kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        close(fd);
    }
    look_from_inside(found, sizeof found, -1);
    for (int fd = 0; fd < 3; fd++) {
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    assert_non_null(strstr(found, " 0=/dev/null 1=/dev/null 2=/dev/null 3=pipe:"));
}

/* Whichever of the two has the lower number, and if one has the other's. */
static void it_has_the_file_of_its_members(void **state)
{
    static const int from[][2] = {{3, 4}, {4, 3}, {4, 5}, {5, 3}, {20, 21}, {21, 20}, {3, 9}, {9, 4}};
    static char found[4096];
    char folder[] = "/tmp/retrotls-spawn-XXXXXX", script[64], out[64], command[160];
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(script, sizeof script, "%s/relay", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    file = fopen(script, "w");
    fputs("#!/bin/sh\nfor f in 0 1 2 3 4 9 20 21; do echo $f=$(readlink /proc/$$/fd/$f); done >&3\n", file);
    fclose(file);
    chmod(script, 0700);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        const pid_t child = fork();
        int status;

        if (child == 0) { /* so that the numbers are free */
            const int a = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600), b = open("/etc/passwd", O_RDONLY);
            const int high[] = {fcntl(a, F_DUPFD, 100), fcntl(b, F_DUPFD, 100)};

            dup3(high[0], from[i][0], O_CLOEXEC);
            dup3(high[1], from[i][1], O_CLOEXEC);
            _exit(start(script, from[i][0], from[i][1]));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        do { /* the script goes on by itself; 21 is its last line */
            file = fopen(out, "r");
            found[fread(found, 1, sizeof found - 1, file)] = '\0';
            fclose(file);
        } while (!strstr(found, "21=\n"));
        snprintf(command, sizeof command, "3=%s\n4=/etc/passwd\n", out);
        assert_non_null(strstr(found, command));
        assert_non_null(strstr(found, "\n9=\n20=\n21=\n")); /* the shell's own pipe is 5 */
        assert_non_null(strstr(found, "0=/dev/null\n"));
        unlink(out);
    }
    unlink(script);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_of_exec_is_told),
        cmocka_unit_test(no_child_no_signal_and_the_subreaper_kept),
        cmocka_unit_test(nothing_of_the_programs_is_in_it),
        cmocka_unit_test(it_starts_with_the_standard_descriptors_closed),
        cmocka_unit_test(it_has_the_file_of_its_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
