/*
 * Reads those facts of an ELF file that decide whether a preload reaches it (elf(5)).
 *
 * The file may come from anyone: we check every offset and length in it against its size before we follow it.
 * Of files with a different byte order we read only the header.
 */
#ifndef RETROTLS_COMMAND_REACH_ELF_H
#define RETROTLS_COMMAND_REACH_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
    const uint8_t *bytes; /* the whole file */
    size_t size;
    bool wide;               /* 64 bits */
    bool foreign_order;      /* has the other byte order: of the rest, only `machine` is known */
    uint16_t type;           /* ET_EXEC, ET_DYN, ... */
    uint16_t machine;        /* EM_X86_64, ... */
    uint32_t flags;          /* e_flags: the ABI, on some machines */
    const char *interpreter; /* PT_INTERP; NULL: statically linked, or not a program */
    bool dynamic;            /* has a dynamic section */
    bool go;                 /* built by the Go compiler */
    const char *soname;      /* NULL: none */
    bool audits;             /* makes the loader run an auditor, even for --list */
    uint64_t symbols, strings, strings_size, hash, gnu_hash, dynamic_at, dynamic_size; /* offsets */
};

/* False if `bytes` is not an ELF file, or a malformed one. The strings in `elf` point into `bytes`. */
bool elf_read(struct elf *elf, const uint8_t *bytes, size_t size);

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
