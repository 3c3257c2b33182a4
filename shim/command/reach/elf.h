/*
 * What an ELF file says of itself, as far as it decides whether a preload reaches it (elf(5)).
 *
 * The file is anybody's: every offset and length in it is checked against its size before it is followed.
 * Only files of this machine's byte order are read further than their head.
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
    bool foreign_order;      /* of the other byte order: nothing below is known but `machine` */
    uint16_t type;           /* ET_EXEC, ET_DYN, ... */
    uint16_t machine;        /* EM_X86_64, ... */
    uint32_t flags;          /* e_flags: the ABI, on some machines */
    const char *interpreter; /* PT_INTERP; NULL: statically linked, or no program at all */
    bool dynamic;            /* has a dynamic section */
    bool go;                 /* built by the Go compiler */
    const char *soname;      /* NULL: none */
    bool audits;             /* has the loader run an auditor of its choice, even for --list */
    uint64_t symbols, strings, strings_size, hash, gnu_hash, dynamic_at, dynamic_size; /* offsets */
};

/* False where `bytes` is no ELF file or a malformed one. The texts in `elf` point into `bytes`. */
bool elf_read(struct elf *elf, const uint8_t *bytes, size_t size);

/* Calls `each` for every DT_NEEDED, in order. */
void elf_each_needed(const struct elf *elf, void (*each)(void *context, const char *name), void *context);

/* Calls `each` for every symbol that the file takes from others. */
void elf_each_import(const struct elf *elf, void (*each)(void *context, const char *name), void *context);

enum libc_kind {
    LIBC_GLIBC,
    LIBC_MUSL,
    LIBC_OTHER,
};

/* Which C library a program (by its loader) or a shared library (by what it needs) is built for. */
enum libc_kind elf_libc(const struct elf *elf);

/* "64-bit x86-64", ...: for messages. Writes to `buffer` and returns it. */
const char *elf_machine_name(const struct elf *elf, char *buffer, size_t size);

/* Whether code of `a` and `b` can be in one process: same class, byte order, machine and ABI. */
bool elf_same_machine(const struct elf *a, const struct elf *b);

#endif
