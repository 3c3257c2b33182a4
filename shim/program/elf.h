/*
 * Reads those facts of an ELF file (elf(5)) that decide whether a preload reaches it.
 *
 * The file may come from anyone: before we follow an offset or length in it, we check it against the file's
 * size. If the file has a different byte order, we read only the header.
 */
#ifndef RETROTLS_PROGRAM_ELF_H
#define RETROTLS_PROGRAM_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
    const uint8_t *bytes; /* the whole file, or its beginning */
    size_t size;
    bool wide;               /* 64 bits */
    bool foreign_order;      /* has the other byte order; then we know only `machine` */
    uint16_t type;           /* ET_EXEC, ET_DYN, ... */
    uint16_t machine;        /* EM_X86_64, ... */
    uint32_t flags;          /* e_flags: the ABI, on some machines */
    bool interpreted;        /* has PT_INTERP */
    const char *interpreter; /* what it names; NULL: it has none, or it lies beyond `size` */
    bool dynamic;            /* has a dynamic section */
    bool go;                 /* built by the Go compiler */
    bool free_pascal;        /* contains Free Pascal's runtime */
    const char *soname;      /* NULL: none */
    bool audits;             /* makes the loader run an auditor, even for --list */
    uint64_t symbols, strings, strings_size, hash, gnu_hash, dynamic_at, dynamic_size; /* offsets */
};

/* False if `bytes` is not an ELF file, or a malformed one. The strings in `elf` point into `bytes`. */
bool elf_read(struct elf *elf, const uint8_t *bytes, size_t size);

/*
 * The parts of a file that may contain marks of compilers (marks.h). elf_read() looks at those that lie
 * within `size`. A caller that has read only the beginning of the file must read the others and add them.
 */
enum { ELF_PIECES = 32 };
struct elf_piece {
    uint64_t offset, size; /* `size` is `limit` at most, and not 0 */
    bool notes;
};
/* Returns how many there are. */
size_t elf_pieces(const struct elf *elf, uint64_t limit, struct elf_piece piece[ELF_PIECES]);
/* `size`: the bytes that could be read of the piece. */
void elf_add_piece(struct elf *elf, const struct elf_piece *piece, const uint8_t *bytes, size_t size);

/* Calls `each` for every DT_NEEDED, in order. */
void elf_each_needed(const struct elf *elf, void (*each)(void *context, const char *name), void *context);

/* Calls `each` for every symbol that the file imports. */
void elf_each_import(const struct elf *elf, void (*each)(void *context, const char *name), void *context);

enum libc_kind {
    LIBC_GLIBC,
    LIBC_MUSL,
    LIBC_OTHER,
};

/*
 * The C library that a program (judging by its loader) or a library (judging by what it needs) is built for.
 */
enum libc_kind elf_libc(const struct elf *elf);

/* "64-bit x86-64", ...: for messages. Writes to `buffer` and returns it. */
const char *elf_machine_name(const struct elf *elf, char *buffer, size_t size);

/* Whether code of `a` and `b` can share a process: same class, byte order, machine and ABI. */
bool elf_same_machine(const struct elf *a, const struct elf *b);

#endif
