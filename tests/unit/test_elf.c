/*
 * Anybody can make an ELF file: we read what it says, but no byte that it does not have. The files are this
 * test itself and small ones made here, 64-bit and in this machine's byte order.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/elf.h"
#include "tests/unit/cmocka_all.h"

enum { HEADERS = 4, DATA = sizeof(Elf64_Ehdr) + HEADERS * sizeof(Elf64_Phdr) };

static _Alignas(16) struct {
    Elf64_Ehdr head;
    Elf64_Phdr program[HEADERS];
    uint8_t data[2048];
} file;

static size_t used; /* bytes of file.data */

static void start(uint16_t type, uint16_t machine)
{
    const uint16_t one = 1;
    uint8_t low;

    memcpy(&low, &one, 1);
    memset(&file, 0, sizeof file);
    memcpy(file.head.e_ident, ELFMAG, SELFMAG);
    file.head.e_ident[EI_CLASS] = ELFCLASS64;
    file.head.e_ident[EI_DATA] = low ? ELFDATA2LSB : ELFDATA2MSB;
    file.head.e_ident[EI_VERSION] = EV_CURRENT;
    file.head.e_type = type;
    file.head.e_machine = machine;
    file.head.e_phoff = sizeof file.head;
    file.head.e_phentsize = sizeof(Elf64_Phdr);
    used = 0;
}

/* Appends bytes at a multiple of 16. Returns their offset in the file. */
static uint64_t put(const void *bytes, size_t length)
{
    used = ((DATA + used + 15) / 16 * 16) - DATA;
    assert_true(used + length <= sizeof file.data);
    memcpy(file.data + used, bytes, length);
    used += length;
    return DATA + used - length;
}

static void segment(uint32_t type, uint32_t flags, uint64_t offset, uint64_t length)
{
    assert_true(file.head.e_phnum < HEADERS);
    file.program[file.head.e_phnum++] = (Elf64_Phdr){
        .p_type = type, .p_flags = flags, .p_offset = offset, .p_vaddr = offset, .p_filesz = length};
}

static void interpreter(const char *path)
{
    segment(PT_INTERP, PF_R, put(path, strlen(path) + 1), strlen(path) + 1);
}

/*
 * Reads the first `length` bytes from memory of exactly that size, so that valgrind and ASan notice a byte
 * too far.
 */
static bool reads(struct elf *elf, size_t length)
{
    static uint8_t *copy;

    free(copy);
    copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, &file, length);
    return elf_read(elf, copy, length);
}

static bool reads_all(struct elf *elf)
{
    return reads(elf, DATA + used);
}

/* ---- real files */

static uint8_t *load(const char *path, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *bytes;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *size = (size_t)st.st_size;
    bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *size), st.st_size);
    close(fd);
    return bytes;
}

struct search {
    const char *name;
    int found;
};

static void look_for(void *context, const char *name)
{
    struct search *const search = context;

    search->found += strcmp(name, search->name) == 0;
}

static void this_program_is_read(void **state)
{
    struct search needed = {.name = "libcmocka.so.0"}, import = {.name = "elf_read"},
                  libc = {.name = "__libc_start_main"};
    size_t size;
    uint8_t *const bytes = load("/proc/self/exe", &size);
    struct elf elf;

    (void)state;
    assert_true(elf_read(&elf, bytes, size));
    assert_int_equal(elf.wide, sizeof(void *) == 8);
    assert_non_null(elf.interpreter);
    assert_int_equal(elf_libc(&elf), LIBC_GLIBC);
    assert_false(elf.go || elf.foreign_order || elf.audits);
    elf_each_needed(&elf, look_for, &needed);
    assert_int_equal(needed.found, 1);
    elf_each_import(&elf, look_for, &import); /* defined in this program */
    elf_each_import(&elf, look_for, &libc);
    assert_int_equal(import.found, 0);
    assert_int_equal(libc.found, 1);
    free(bytes);
}

/* ---- small files */

static void file_without_interpreter_is_static(void **state)
{
    struct elf elf;

    (void)state;
    start(ET_EXEC, EM_X86_64);
    segment(PT_LOAD, PF_R | PF_X, 0, 64);
    assert_true(reads_all(&elf));
    assert_null(elf.interpreter);
    assert_int_equal(elf.type, ET_EXEC);
    assert_int_equal(elf.machine, EM_X86_64);
}

static void loader_tells_the_c_library(void **state)
{
    static const struct {
        const char *loader;
        enum libc_kind kind;
    } known[] = {
        {"/lib64/ld-linux-x86-64.so.2", LIBC_GLIBC},
        {"/lib/ld-linux.so.2", LIBC_GLIBC},
        {"/lib/ld-linux-armhf.so.3", LIBC_GLIBC},
        {"/lib64/ld64.so.2", LIBC_GLIBC},
        {"/lib/ld.so.1", LIBC_GLIBC},
        {"/lib/ld-musl-x86_64.so.1", LIBC_MUSL},
        {"/system/bin/linker64", LIBC_OTHER},
        {"/lib/ld-uClibc.so.0", LIBC_OTHER},
    };
    struct elf elf;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        start(ET_DYN, EM_X86_64);
        interpreter(known[i].loader);
        assert_true(reads_all(&elf));
        assert_string_equal(elf.interpreter, known[i].loader);
        assert_int_equal(elf_libc(&elf), known[i].kind);
    }
}

static void interpreter_without_end_is_none(void **state)
{
    struct elf elf;

    (void)state;
    start(ET_DYN, EM_X86_64);
    segment(PT_INTERP, PF_R, put("/lib/ld.so.1", 12), 12);
    assert_true(reads_all(&elf));
    assert_null(elf.interpreter);
}

static void go_is_known_by_its_note(void **state)
{
    static const struct {
        Elf32_Nhdr head; /* in this machine's byte order, like the file's */
        char name[4], words[4];
    } note = {{4, 4, 4}, "Go", "abcd"}, other = {{4, 4, 3}, "GNU", "abcd"};
    char both[48];
    struct elf elf;

    (void)state;
    start(ET_EXEC, EM_X86_64);
    segment(PT_NOTE, PF_R, put(&other, 20), 20);
    assert_true(reads_all(&elf));
    assert_false(elf.go);

    memcpy(both, &other, 20);
    memcpy(both + 20, &note, 20);
    start(ET_EXEC, EM_X86_64);
    segment(PT_NOTE, PF_R, put(both, 40), 40);
    assert_true(reads_all(&elf));
    assert_true(elf.go);
}

static void go_is_known_by_its_build_information(void **state)
{
    struct elf elf;

    (void)state;
    start(ET_EXEC, EM_X86_64);
    put("0123456789abcdef", 16);
    segment(PT_LOAD, PF_R | PF_W, DATA / 16 * 16, 48 + put("\xff Go buildinf:\10\2", 16) - DATA);
    put("0123456789abcdef0123456789abcdef", 32);
    assert_true(reads_all(&elf));
    assert_true(elf.go);
    file.program[0].p_flags = PF_R; /* this text in a read-only segment proves nothing */
    assert_true(reads_all(&elf));
    assert_false(elf.go);
}

static void dynamic_section_is_followed(void **state)
{
    static const char strings[] = "\0libc.so\0connect\0own";
    static const Elf64_Sym symbols[] = {
        {.st_name = 0},
        {.st_name = 9, .st_shndx = SHN_UNDEF},
        {.st_name = 17, .st_shndx = 1},
    };
    static const uint32_t hash[] = {1, 3, 0, 0, 0, 0};
    struct search needed = {.name = "libc.so"}, import = {.name = "connect"}, own = {.name = "own"};
    struct elf elf;

    (void)state;
    start(ET_DYN, EM_X86_64);
    const Elf64_Dyn dynamic[] = {
        {.d_tag = DT_NEEDED, .d_un.d_val = 1},
        {.d_tag = DT_STRTAB, .d_un.d_ptr = put(strings, sizeof strings)},
        {.d_tag = DT_STRSZ, .d_un.d_val = sizeof strings},
        {.d_tag = DT_SYMTAB, .d_un.d_ptr = put(symbols, sizeof symbols)},
        {.d_tag = DT_HASH, .d_un.d_ptr = put(hash, sizeof hash)},
        {.d_tag = DT_AUDIT, .d_un.d_val = 1},
        {.d_tag = DT_NULL},
        {.d_tag = DT_NEEDED, .d_un.d_val = 9}, /* beyond the end */
    };
    segment(PT_DYNAMIC, PF_R, put(dynamic, sizeof dynamic), sizeof dynamic);
    segment(PT_LOAD, PF_R, 0, DATA + used);
    /* The load address differs from the offset in the file. */
    file.program[1].p_offset = 0;
    assert_true(reads_all(&elf));
    assert_true(elf.dynamic && elf.audits);
    elf_each_needed(&elf, look_for, &needed);
    elf_each_import(&elf, look_for, &import);
    elf_each_import(&elf, look_for, &own);
    assert_int_equal(needed.found, 1);
    assert_int_equal(import.found, 1);
    assert_int_equal(own.found, 0);
    assert_int_equal(elf_libc(&elf), LIBC_MUSL);

    for (size_t length = 0; length < DATA + used; length++) { /* cut off at every length */
        struct search any = {.name = "connect"};
        if (!reads(&elf, length))
            continue;
        elf_each_needed(&elf, look_for, &any);
        elf_each_import(&elf, look_for, &any);
        elf_libc(&elf);
    }
    for (size_t i = 0; i < DATA + used; i++) { /* each byte changed */
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        uint8_t *const byte = (uint8_t *)&file + i, before = *byte;
        for (size_t v = 0; v < sizeof values; v++) {
            struct search any = {.name = "connect"};
            *byte = values[v];
            if (!reads_all(&elf))
                continue;
            elf_each_needed(&elf, look_for, &any);
            elf_each_import(&elf, look_for, &any);
            elf_libc(&elf);
        }
        *byte = before;
    }
}

static void what_is_no_elf_is_refused(void **state)
{
    struct elf elf;

    (void)state;
    assert_false(elf_read(&elf, (const uint8_t *)"#!/bin/sh\n", 10));
    assert_false(elf_read(&elf, NULL, 0));
    start(ET_EXEC, EM_X86_64);
    assert_false(reads(&elf, 20));
    assert_false(reads(&elf, sizeof(Elf64_Ehdr) - 1));
    assert_true(reads(&elf, sizeof(Elf64_Ehdr)));
    file.head.e_ident[EI_CLASS] = 3;
    assert_false(reads_all(&elf));
}

static void other_byte_order_is_told_and_not_read(void **state)
{
    struct elf elf;
    char name[64];

    (void)state;
    start(ET_EXEC, (uint16_t)(EM_S390 << 8 | EM_S390 >> 8));
    file.head.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
    assert_true(reads_all(&elf));
    assert_true(elf.foreign_order);
    assert_string_equal(elf_machine_name(&elf, name, sizeof name), "64-bit S/390");
}

static void machines_are_told_apart(void **state)
{
    static const struct elf x86_64 = {.wide = true, .machine = EM_X86_64}, x32 = {.machine = EM_X86_64},
                            i386 = {.machine = EM_386}, arm_hard = {.machine = EM_ARM, .flags = 0x05000400},
                            arm_soft = {.machine = EM_ARM, .flags = 0x05000200},
                            arm_any = {.machine = EM_ARM, .flags = 0x05000000},
                            arm_old = {.machine = EM_ARM, .flags = 0x04000000};
    char name[64];

    (void)state;
    assert_true(elf_same_machine(&x86_64, &x86_64));
    assert_false(elf_same_machine(&x86_64, &x32));
    assert_false(elf_same_machine(&x86_64, &i386));
    assert_true(elf_same_machine(&arm_any, &arm_hard));
    assert_true(elf_same_machine(&arm_any, &arm_soft));
    assert_false(elf_same_machine(&arm_old, &arm_any));
    assert_string_equal(elf_machine_name(&i386, name, sizeof name), "32-bit i386");
    assert_string_equal(elf_machine_name(&x86_64, name, sizeof name), "64-bit x86-64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_program_is_read),
        cmocka_unit_test(file_without_interpreter_is_static),
        cmocka_unit_test(loader_tells_the_c_library),
        cmocka_unit_test(interpreter_without_end_is_none),
        cmocka_unit_test(go_is_known_by_its_note),
        cmocka_unit_test(go_is_known_by_its_build_information),
        cmocka_unit_test(dynamic_section_is_followed),
        cmocka_unit_test(what_is_no_elf_is_refused),
        cmocka_unit_test(other_byte_order_is_told_and_not_read),
        cmocka_unit_test(machines_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
