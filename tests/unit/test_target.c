/*
 * What a preload cannot reach is refused before it starts, and what it can reach is let through. Scripts are
 * followed to the program that runs them. Also the mode bits that make the loader ignore a preload.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command/reach/target.h"
#include "program/shebang.h"
#include "tests/unit/cmocka_all.h"

enum { NOBODY = 65534 };

static char folder[] = "/tmp/test_target.XXXXXX";
static struct target target;
static char words[TARGET_WORDS_LIMIT];

static const char *path_of(const char *name)
{
    static char path[4][PATH_MAX];
    static unsigned turn;
    char *const at = path[turn++ % 4];

    snprintf(at, PATH_MAX, "%s/%s", folder, name);
    return at;
}

static const char *write_file(const char *name, const void *bytes, size_t length, mode_t mode)
{
    const char *const path = path_of(name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static const char *script(const char *name, const char *text)
{
    return write_file(name, text, strlen(text), 0755);
}

/* A copy of this test: a program that a preload reaches. */
static const char *program(const char *name, mode_t mode)
{
    static char bytes[1 << 25];
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const ssize_t length = read(fd, bytes, sizeof bytes);

    assert_true(length > 0 && length < (ssize_t)sizeof bytes);
    close(fd);
    return write_file(name, bytes, (size_t)length, mode);
}

static enum target_fault fault_of(const char *path)
{
    target_close(&target);
    target_open(&target, path);
    target_words(&target, words);
    return target.fault;
}

/* ---- the first line */

static void first_lines_are_read_as_the_kernel_does(void **state)
{
    static const struct {
        const char *text;
        enum shebang_kind kind;
        const char *interpreter, *program;
    } cases[] = {
        {"#!/bin/sh\n", SHEBANG_READ, "/bin/sh", ""},
        {"#!/bin/sh", SHEBANG_READ, "/bin/sh", ""},
        {"#! \t /bin/sh -e \nrest", SHEBANG_READ, "/bin/sh", ""},
        {"#!/usr/bin/perl -w -T\n", SHEBANG_READ, "/usr/bin/perl", ""},
        {"#!relative\n", SHEBANG_READ, "relative", ""},
        {"#!\n/bin/sh\n", SHEBANG_BAD, NULL, NULL},
        {"#!   \n", SHEBANG_BAD, NULL, NULL},
        {"#!", SHEBANG_BAD, NULL, NULL},
        {"#", SHEBANG_NONE, NULL, NULL},
        {"", SHEBANG_NONE, NULL, NULL},
        {" #!/bin/sh\n", SHEBANG_NONE, NULL, NULL},
        {"echo\n", SHEBANG_NONE, NULL, NULL},
        {"#!/usr/bin/env python3\n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env  python3  \n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env python3 -u\n", SHEBANG_READ, "/usr/bin/env", "python3 -u"}, /* a single argument */
        {"#!/usr/bin/env -S python3 -u\n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env -Spython3 -u\n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env -vS python3\n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env --split-string=python3 -u\n", SHEBANG_READ, "/usr/bin/env", "python3"},
        {"#!/usr/bin/env -S A=1 B=2 -- perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S -C /tmp -u HOME --unset=X perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S -i perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S - perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S --ignore-environment perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -i\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S -u LD_PRELOAD perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S --unset=LD_PRELOAD perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S LD_PRELOAD=x.so perl\n", SHEBANG_READ, "/usr/bin/env", "perl"},
        {"#!/usr/bin/env -S LD_PRELOAD= perl\n", SHEBANG_CLEARS, NULL, NULL},
        {"#!/usr/bin/env\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S -u\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S --what perl\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S \"my perl\"\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/usr/bin/env -S ${PERL}\n", SHEBANG_OBSCURE, NULL, NULL},
        {"#!/opt/environment perl\n", SHEBANG_READ, "/opt/environment", ""},
    };
    struct shebang line;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const enum shebang_kind kind = shebang_read(&line, cases[i].text, strlen(cases[i].text));
        if (kind != cases[i].kind)
            fail_msg("%s: %d", cases[i].text, (int)kind);
        if (kind != SHEBANG_READ)
            continue;
        assert_string_equal(line.interpreter, cases[i].interpreter);
        assert_string_equal(line.program, cases[i].program);
    }
}

/* The kernel looks at 256 bytes. It refuses a name that goes on beyond them and would be cut off. */
static void name_beyond_what_the_kernel_reads_is_bad(void **state)
{
    char text[400] = "#!/";
    struct shebang line;

    (void)state;
    memset(text + 3, 'a', sizeof text - 3);
    assert_int_equal(shebang_read(&line, text, sizeof text), SHEBANG_BAD);
    text[200] = ' ';
    assert_int_equal(shebang_read(&line, text, sizeof text), SHEBANG_READ);
    assert_int_equal(strlen(line.interpreter), 198);
}

/* ---- finding */

static void program_is_found_as_execvp_does(void **state)
{
    char path[PATH_MAX], variable[PATH_MAX];

    (void)state;
    mkdir(path_of("first"), 0755);
    mkdir(path_of("second"), 0755);
    mkdir(path_of("first/tool"), 0755); /* a folder of that name is skipped */
    program("second/tool", 0755);
    write_file("first/plain", "", 0, 0644);
    snprintf(variable, sizeof variable, "%s:/nonexistent:%s", path_of("first"), path_of("second"));
    setenv("PATH", variable, 1);
    assert_int_equal(target_search("tool", path), 0);
    assert_string_equal(path, path_of("second/tool"));
    assert_int_equal(target_search("plain", path), EACCES);
    assert_int_equal(target_search("nothing", path), ENOENT);
    assert_int_equal(target_search("", path), ENOENT);
    assert_int_equal(target_search("/bin/sh", path), 0);
    assert_int_equal(target_search("/bin/nothing", path), ENOENT);
    assert_int_equal(target_search("/etc/passwd", path), EACCES);
    assert_int_equal(target_search("/etc/passwd/x", path), ENOTDIR);
    unsetenv("PATH");
    assert_int_equal(target_search("sh", path), 0);
    assert_string_equal(path, "/bin/sh");
    setenv("PATH", "/usr/bin:/bin", 1);
}

/* ---- what a preload reaches */

static void program_is_within_reach(void **state)
{
    (void)state;
    assert_int_equal(fault_of(program("good", 0755)), TARGET_WITHIN_REACH);
    assert_int_equal(target.steps, 1);
    assert_string_equal(words, "");
}

/* Under qemu-user, /bin/sh is this machine's, for another architecture. */
static void need_own_shell(void)
{
    if (getenv("RETROTLS_EMULATED") && fault_of("/bin/sh") != TARGET_WITHIN_REACH) {
        print_message("/bin/sh is for another architecture\n");
        skip();
    }
}

static void scripts_are_followed(void **state)
{
    char text[PATH_MAX];

    (void)state;
    need_own_shell();
    assert_int_equal(fault_of(script("one", "#!/bin/sh\n")), TARGET_WITHIN_REACH);
    assert_int_equal(target.steps, 2);
    assert_string_equal(target_program(&target), "/bin/sh");

    snprintf(text, sizeof text, "#!%s -x\n", path_of("one"));
    assert_int_equal(fault_of(script("two", text)), TARGET_WITHIN_REACH);
    assert_int_equal(target.steps, 3);

    assert_int_equal(fault_of(script("three", "#!/usr/bin/env sh\n")), TARGET_WITHIN_REACH);
    assert_int_equal(target.steps, 3);
    assert_string_equal(target_program(&target), "/usr/bin/sh");
}

static void text_without_a_first_line_is_the_shells(void **state)
{
    (void)state;
    need_own_shell();
    assert_int_equal(fault_of(script("bare", "echo hello\n")), TARGET_WITHIN_REACH);
    assert_true(target.by_shell);
    assert_string_equal(target_program(&target), "/bin/sh");
    assert_int_equal(fault_of(script("empty", "")), TARGET_WITHIN_REACH);
    assert_true(target.by_shell);
}

/* ---- what it does not reach */

static void missing_and_forbidden_files_are_told(void **state)
{
    (void)state;
    assert_int_equal(fault_of(path_of("nothing")), TARGET_MISSING);
    assert_non_null(strstr(words, "No such file or directory"));
    assert_int_equal(fault_of(program("plain", 0644)), TARGET_DENIED);
    assert_non_null(strstr(words, "Permission denied"));
    assert_int_equal(fault_of(folder), TARGET_DENIED);
    assert_int_equal(fault_of(script("lost", "#!/nonexistent/interpreter\n")), TARGET_MISSING);
    assert_non_null(strstr(words, "/nonexistent/interpreter"));
    assert_int_equal(fault_of(script("lost", "#!/usr/bin/env no-such-program\n")), TARGET_MISSING);
    assert_non_null(strstr(words, "no-such-program"));
}

static void circles_are_left(void **state)
{
    char text[PATH_MAX];

    (void)state;
    snprintf(text, sizeof text, "#!%s\n", path_of("circle"));
    assert_int_equal(fault_of(script("circle", text)), TARGET_TOO_DEEP);
    assert_non_null(strstr(words, "too many"));
}

static void what_is_no_program_is_told(void **state)
{
    (void)state;
    assert_int_equal(fault_of(write_file("binary", "MZ\0\1\2", 5, 0755)), TARGET_NO_PROGRAM);
    assert_int_equal(fault_of(write_file("stub", "\177ELF\2\1", 6, 0755)), TARGET_NO_PROGRAM);
    assert_int_equal(fault_of(script("bad", "#!\n")), TARGET_NO_PROGRAM);
}

static void preload_emptied_by_env_is_told(void **state)
{
    (void)state;
    assert_int_equal(fault_of(script("clears", "#!/usr/bin/env -S LD_PRELOAD= sh\n")), TARGET_ENVIRONMENT);
    assert_non_null(strstr(words, "empty LD_PRELOAD"));
    assert_int_equal(fault_of(script("obscure", "#!/usr/bin/env -S $SHELL\n")), TARGET_OBSCURE);
    assert_non_null(strstr(words, "do not understand"));
}

static void script_of_an_unreachable_program_is_unreachable(void **state)
{
    static const uint8_t head[64] = {0x7f, 'E', 'L',      'F',      sizeof(void *) == 8 ? 2 : 1,
                                     1,    1,   [16] = 2, [18] = 62};
    char text[PATH_MAX];

    (void)state;
    need_own_shell();
    assert_int_equal(fault_of(write_file("static", head, sizeof head, 0755)), TARGET_STATIC);
    snprintf(text, sizeof text, "#!%s\n", path_of("static"));
    assert_int_equal(fault_of(script("of-static", text)), TARGET_STATIC);
    assert_non_null(strstr(words, "of-static is run by"));
    assert_non_null(strstr(words, "statically linked"));
}

/* ---- privileges */

static bool heeded(void)
{
    struct statvfs fs;

    return statvfs(folder, &fs) == 0 && !(fs.f_flag & ST_NOSUID);
}

static void setuid_of_another_is_told(void **state)
{
    const char *path;

    (void)state;
    if (getuid() != 0 || !heeded())
        skip(); /* only root may give a file away */
    path = program("setuid", 0755);
    assert_int_equal(chown(path, NOBODY, getgid()), 0);
    assert_int_equal(chmod(path, 04755), 0);
    assert_int_equal(fault_of(path), TARGET_SETUID);
    assert_non_null(strstr(words, "is setuid nobody"));
    assert_int_equal(chown(path, getuid(), NOBODY), 0);
    assert_int_equal(chmod(path, 02755), 0);
    assert_int_equal(fault_of(path), TARGET_SETGID);
    assert_non_null(strstr(words, "is setgid nogroup"));
    assert_int_equal(chmod(path, 02745), 0); /* this bit without x once meant mandatory locking */
    assert_int_equal(fault_of(path), TARGET_WITHIN_REACH);
}

/* The loader ignores a preload only if somebody else owns the file. */
static void ones_own_setuid_has_no_effect(void **state)
{
    (void)state;
    assert_int_equal(fault_of(program("own", 06755)), TARGET_WITHIN_REACH);
}

static void setuid_without_effect_is_within_reach(void **state)
{
    const char *path;
    int status;
    pid_t child;

    (void)state;
    if (getuid() != 0)
        skip();
    path = program("ignored", 0755);
    assert_int_equal(chown(path, NOBODY, getgid()), 0);
    assert_int_equal(chmod(path, 04755), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && fault_of(path) == TARGET_WITHIN_REACH ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* They give nothing to root, so the loader does not ignore a preload then. To everybody else they do. */
static void file_capabilities_are_told(void **state)
{
    const struct vfs_cap_data caps = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                      .data = {{.permitted = 1u << CAP_NET_BIND_SERVICE}}};
    const char *path;
    int status;
    pid_t child;

    (void)state;
    if (getuid() != 0 || !heeded())
        skip();
    path = program("capable", 0755);
    if (setxattr(path, "security.capability", &caps, sizeof caps, 0) != 0)
        skip(); /* the file system has none */
    assert_int_equal(fault_of(path), TARGET_WITHIN_REACH);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && fault_of(path) == TARGET_CAPABILITIES &&
                      strstr(words, "file capabilities")
                  ? 0
                  : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int start(void **state)
{
    (void)state;
    return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int finish(void **state)
{
    char remove[64];

    (void)state;
    target_close(&target);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    return system(remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines_are_read_as_the_kernel_does),
        cmocka_unit_test(name_beyond_what_the_kernel_reads_is_bad),
        cmocka_unit_test(program_is_found_as_execvp_does),
        cmocka_unit_test(program_is_within_reach),
        cmocka_unit_test(scripts_are_followed),
        cmocka_unit_test(text_without_a_first_line_is_the_shells),
        cmocka_unit_test(missing_and_forbidden_files_are_told),
        cmocka_unit_test(circles_are_left),
        cmocka_unit_test(what_is_no_program_is_told),
        cmocka_unit_test(preload_emptied_by_env_is_told),
        cmocka_unit_test(script_of_an_unreachable_program_is_unreachable),
        cmocka_unit_test(setuid_of_another_is_told),
        cmocka_unit_test(ones_own_setuid_has_no_effect),
        cmocka_unit_test(setuid_without_effect_is_within_reach),
        cmocka_unit_test(file_capabilities_are_told),
    };

    return cmocka_run_group_tests(tests, start, finish);
}
