/* Which programs the library is not loaded into, judged by the beginning of their files. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/child/unreached.h"
#include "tests/unit/cmocka_all.h"

static char folder[] = "/tmp/retrotls-unreached-XXXXXX";
static char path[PATH_MAX];
static struct unreached_room room;

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const void *bytes, size_t size)
{
    FILE *const file = fopen(in_folder(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* A program of this machine's own kind: its headers, and the loader's name or a note after them. */
struct image {
    Elf64_Ehdr head;
    Elf64_Phdr segment[2];
    char content[64];
};

static struct image image_of(uint32_t type, const void *content, size_t size)
{
    const uint16_t one = 1;
    struct image made = {
        .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                             *(const uint8_t *)&one ? ELFDATA2LSB : ELFDATA2MSB, EV_CURRENT},
                 .e_type = ET_DYN,
                 .e_phoff = offsetof(struct image, segment),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 2},
        .segment = {{.p_type = PT_LOAD},
                    {.p_type = type, .p_offset = offsetof(struct image, content), .p_filesz = size}},
    };

    memcpy(made.content, content, size);
    return made;
}

static const char loader[] = "/lib64/ld-linux-x86-64.so.2";

static enum unreached why(const char *file)
{
    enum unreached found;

    errno = ENOTTY;
    found = unreached_look(file, false, &room).why;
    assert_int_equal(errno, ENOTTY);
    return found;
}

static void programs_with_a_loader_are_reached(void **state)
{
    struct image made = image_of(PT_INTERP, loader, sizeof loader);

    (void)state;
    assert_int_equal(why(write_file("dynamic", &made, sizeof made)), UNREACHED_NOT);
    made.segment[1].p_offset = 1 << 20; /* as patchelf(1) leaves it: at the end of the file */
    assert_int_equal(why(write_file("dynamic", &made, sizeof made)), UNREACHED_NOT);
    assert_int_equal(why("/bin/sh"), UNREACHED_NOT);
}

static void static_programs_are_not(void **state)
{
    struct image made = image_of(PT_NULL, "", 0);

    (void)state;
    assert_int_equal(why(write_file("static", &made, sizeof made)), UNREACHED_STATIC);
    made.head.e_type = ET_EXEC;
    assert_int_equal(why(write_file("static", &made, sizeof made)), UNREACHED_STATIC);
    made.head.e_type = ET_DYN; /* the loader, started as a program */
    assert_int_equal(why(write_file("ld-linux-x86-64.so.2", &made, sizeof made)), UNREACHED_NOT);
    made.head.e_type = ET_REL; /* the kernel refuses it */
    assert_int_equal(why(write_file("object", &made, sizeof made)), UNREACHED_NOT);
}

static void go_programs_are_not_even_with_libc(void **state)
{
    static const struct {
        Elf64_Nhdr head;
        char name[4], content[4];
    } note = {{4, 4, 4}, "Go\0", "id"};
    struct image made = image_of(PT_NOTE, &note, sizeof note);

    (void)state;
    made.segment[0] =
        (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct image, content), .p_filesz = 1};
    assert_int_equal(why(write_file("go", &made, sizeof made)), UNREACHED_GO);
}

/* Go's own linker puts the note at 4 KiB, and Free Pascal's compiler its name at the end of the data. */
static void marks_far_behind_are_found(void **state)
{
    static const struct {
        Elf64_Nhdr head;
        char name[4], content[4];
    } note = {{4, 4, 4}, "Go\0", "id"};
    static const char mark[] = "FPC 3.2.2+dfsg-20 [2023/03/30] for x86_64 - Linux";
    enum { FAR = 3968, SIZE = 3 * 65536 };
    static uint8_t file[SIZE];
    struct image made = image_of(PT_NOTE, "", 0);

    (void)state;
    made.segment[0] =
        (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct image, content), .p_filesz = 1};
    made.segment[1].p_offset = FAR;
    made.segment[1].p_filesz = sizeof note;
    memcpy(file, &made, sizeof made);
    assert_int_equal(why(write_file("far", file, sizeof file)), UNREACHED_NOT);
    memcpy(file + FAR, &note, sizeof note);
    assert_int_equal(why(write_file("far", file, sizeof file)), UNREACHED_GO);
    made.segment[1] =
        (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 64, .p_filesz = SIZE - 64};
    memcpy(file, &made, sizeof made);
    assert_int_equal(why(write_file("far", file, sizeof file)), UNREACHED_NOT);
    memcpy(file + SIZE - sizeof mark, mark, sizeof mark);
    assert_int_equal(why(write_file("far", file, sizeof file)), UNREACHED_PASCAL);
    made.segment[1].p_offset = UINT64_MAX - 100; /* ends beyond all files */
    memcpy(file, &made, sizeof made);
    assert_int_equal(why(write_file("far", file, sizeof file)), UNREACHED_NOT);
}

static void nobody_knows_what_cannot_be_read(void **state)
{
    struct image made = image_of(PT_INTERP, loader, sizeof loader);
    struct unreached_program found;
    char line[PATH_MAX + 8];

    (void)state;
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(write_file("unread", &made, sizeof made), 0111), 0);
    snprintf(line, sizeof line, "#!%s\n", path);
    assert_int_equal(chmod(write_file("script", line, strlen(line)), 0755), 0);
    if (getuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    found = unreached_look(in_folder("unread"), false, &room);
    assert_int_equal(found.why, UNREACHED_UNREADABLE);
    assert_false(found.connects);
    assert_int_equal(why(in_folder("script")), UNREACHED_UNREADABLE);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static void word_size_matters_if_the_preload_is_one_file(void **state)
{
    struct image made = image_of(PT_INTERP, loader, sizeof loader);
    const bool same = sizeof(void *) == 8;

    (void)state;
    write_file("wide", &made, sizeof made);
    assert_int_equal(unreached_look(path, true, &room).why, same ? UNREACHED_NOT : UNREACHED_OTHER_BITS);
    assert_int_equal(unreached_look(path, false, &room).why, UNREACHED_NOT);
}

static void script_is_as_its_interpreter(void **state)
{
    struct image made = image_of(PT_NULL, "", 0);
    char line[PATH_MAX + 8];

    (void)state;
    write_file("static", &made, sizeof made);
    snprintf(line, sizeof line, "#!%s -x\n", path);
    assert_int_equal(why(write_file("script", line, strlen(line))), UNREACHED_STATIC);
    snprintf(line, sizeof line, "#!%s\n", in_folder("script"));
    assert_int_equal(why(write_file("of-a-script", line, strlen(line))), UNREACHED_STATIC);
    snprintf(line, sizeof line, "#!%s\n", in_folder("itself"));
    assert_int_equal(why(write_file("itself", line, strlen(line))), UNREACHED_NOT); /* ELOOP, and it ends */
    assert_int_equal(why(write_file("script", "#!/nonexistent\n", 15)), UNREACHED_NOT);
    assert_int_equal(why(write_file("script", "#!/bin/sh\n", 10)), UNREACHED_NOT);
}

static void set_id_bits_take_the_preload_away(void **state)
{
    struct image made = image_of(PT_INTERP, loader, sizeof loader);
    struct unreached_program found;

    (void)state;
    assert_int_equal(chmod(write_file("setgid", &made, sizeof made), 02755), 0);
    found = unreached_look(path, false, &room);
    assert_int_equal(found.why, UNREACHED_RIGHTS);
    assert_false(found.connects || found.own); /* it imports nothing */
    assert_int_equal(chmod(path, 02745), 0);   /* mandatory locking */
    assert_int_equal(why(path), UNREACHED_NOT);
    assert_int_equal(chmod(path, 04755), 0); /* our own */
    assert_int_equal(why(path), UNREACHED_NOT);
}

static void what_is_no_program_is_left_to_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(why(folder), UNREACHED_NOT);
    assert_int_equal(why("/nonexistent"), UNREACHED_NOT);
    assert_int_equal(why("/dev/null"), UNREACHED_NOT);
    assert_int_equal(why(write_file("empty", "", 0)), UNREACHED_NOT);
    assert_int_equal(why(write_file("short", ELFMAG, SELFMAG)), UNREACHED_NOT);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(why(path), UNREACHED_NOT);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"dynamic", "static",      "ld-linux-x86-64.so.2",
                                        "object",  "go",          "wide",
                                        "script",  "of-a-script", "itself",
                                        "setgid",  "empty",       "short",
                                        "fifo",    "far",         "unread"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_with_a_loader_are_reached),
        cmocka_unit_test(static_programs_are_not),
        cmocka_unit_test(go_programs_are_not_even_with_libc),
        cmocka_unit_test(marks_far_behind_are_found),
        cmocka_unit_test(nobody_knows_what_cannot_be_read),
        cmocka_unit_test(word_size_matters_if_the_preload_is_one_file),
        cmocka_unit_test(script_is_as_its_interpreter),
        cmocka_unit_test(set_id_bits_take_the_preload_away),
        cmocka_unit_test(what_is_no_program_is_left_to_the_kernel),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
