#include "program/elf.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "program/marks.h"

/* Limits, so that a crafted file does not take long. */
enum {
    TEXT_LIMIT = 4096,             /* bytes of a path or a symbol's name */
    MARKS_LIMIT = 65536,           /* bytes of a segment that we search, as `go version` does */
    PROGRAM_HEADERS_LIMIT = 65536, /* bytes of all of them; the kernel refuses more */
};

/* ---- reads within bounds */

static bool inside(const struct elf *elf, uint64_t offset, uint64_t length)
{
    return offset <= elf->size && length <= elf->size - offset;
}

static uint64_t number(const struct elf *elf, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    uint32_t four;
    uint16_t two;

    if (!inside(elf, offset, width))
        return 0;
    switch (width) {
    case 2:
        memcpy(&two, elf->bytes + offset, sizeof two);
        return two;
    case 4:
        memcpy(&four, elf->bytes + offset, sizeof four);
        return four;
    default:
        memcpy(&value, elf->bytes + offset, sizeof value);
        return value;
    }
}

/*
 * Returns a string, or NULL if no NUL ends it within `limit` bytes and the file, or it is implausibly long.
 */
static const char *text(const struct elf *elf, uint64_t offset, uint64_t limit)
{
    if (offset >= elf->size)
        return NULL;
    if (limit > TEXT_LIMIT)
        limit = TEXT_LIMIT;
    if (limit > elf->size - offset)
        limit = elf->size - offset;
    return memchr(elf->bytes + offset, '\0', (size_t)limit) ? (const char *)elf->bytes + offset : NULL;
}

/* Reads a member of a structure. Only its offset and width differ between 32 and 64 bits. */
#define MEMBER(elf, at, kind, member)                                                                      \
    ((elf)->wide ? number(elf, (at) + offsetof(Elf64_##kind, member), sizeof(((Elf64_##kind *)0)->member)) \
                 : number(elf, (at) + offsetof(Elf32_##kind, member), sizeof(((Elf32_##kind *)0)->member)))
#define SIZE(elf, kind) ((elf)->wide ? sizeof(Elf64_##kind) : sizeof(Elf32_##kind))

/* ---- program headers */

static uint64_t program_header(const struct elf *elf, uint64_t i)
{
    return MEMBER(elf, 0, Ehdr, e_phoff) + i * SIZE(elf, Phdr);
}

static uint64_t program_headers(const struct elf *elf)
{
    const uint64_t count = MEMBER(elf, 0, Ehdr, e_phnum);

    if (MEMBER(elf, 0, Ehdr, e_phentsize) != SIZE(elf, Phdr) || MEMBER(elf, 0, Ehdr, e_phoff) > elf->size)
        return 0;
    if (count * SIZE(elf, Phdr) > PROGRAM_HEADERS_LIMIT)
        return 0;
    return inside(elf, program_header(elf, 0), count * SIZE(elf, Phdr)) ? count : 0;
}

/* Returns the file offset of a loaded address; beyond the end of the file if there is none. */
static uint64_t offset_of(const struct elf *elf, uint64_t address)
{
    for (uint64_t i = 0; i < program_headers(elf); i++) {
        const uint64_t at = program_header(elf, i);
        const uint64_t start = MEMBER(elf, at, Phdr, p_vaddr);
        if (MEMBER(elf, at, Phdr, p_type) == PT_LOAD && address >= start &&
            address - start < MEMBER(elf, at, Phdr, p_filesz))
            return MEMBER(elf, at, Phdr, p_offset) + (address - start);
    }
    return UINT64_MAX;
}

/* ---- where compilers leave their marks */

static size_t add_piece(struct elf_piece piece[ELF_PIECES], size_t count, uint64_t offset, uint64_t size,
                        bool notes)
{
    if (count < ELF_PIECES && size > 0)
        piece[count++] = (struct elf_piece){.offset = offset, .size = size, .notes = notes};
    return count;
}

size_t elf_pieces(const struct elf *elf, uint64_t limit, struct elf_piece piece[ELF_PIECES])
{
    size_t count = 0;

    for (uint64_t i = 0; !elf->foreign_order && i < program_headers(elf); i++) {
        const uint64_t at = program_header(elf, i), type = MEMBER(elf, at, Phdr, p_type);
        const uint64_t offset = MEMBER(elf, at, Phdr, p_offset), size = MEMBER(elf, at, Phdr, p_filesz);

        if (offset > UINT64_MAX - size)
            continue;
        if (type == PT_NOTE) {
            count = add_piece(piece, count, offset, size < limit ? size : limit, true);
        } else if (type == PT_LOAD && MEMBER(elf, at, Phdr, p_flags) & PF_W) {
            count = add_piece(piece, count, offset, size < limit ? size : limit, false);
            if (size > limit)
                count = add_piece(piece, count, offset + size - limit, limit, false);
        }
    }
    return count;
}

void elf_add_piece(struct elf *elf, const struct elf_piece *piece, const uint8_t *bytes, size_t size)
{
    if (piece->notes) {
        elf->go = elf->go || marks_of_go_in_notes(bytes, size);
    } else {
        elf->go = elf->go || marks_of_go_in_data(bytes, size);
        elf->free_pascal = elf->free_pascal || marks_of_free_pascal(bytes, size);
    }
}

static void read_marks(struct elf *elf)
{
    struct elf_piece piece[ELF_PIECES];
    const size_t count = elf_pieces(elf, MARKS_LIMIT, piece);

    for (size_t i = 0; i < count; i++)
        if (inside(elf, piece[i].offset, piece[i].size))
            elf_add_piece(elf, &piece[i], elf->bytes + piece[i].offset, (size_t)piece[i].size);
}

/* ---- reading */

static void read_dynamic(struct elf *elf, uint64_t at, uint64_t size)
{
    uint64_t name = UINT64_MAX, string_address = 0;
    const uint64_t width = SIZE(elf, Dyn);

    elf->dynamic = true;
    elf->dynamic_at = at;
    elf->dynamic_size = inside(elf, at, size) ? size : 0;
    for (uint64_t i = 0; i + width <= elf->dynamic_size; i += width) {
        const uint64_t value = MEMBER(elf, at + i, Dyn, d_un);
        const uint64_t tag = MEMBER(elf, at + i, Dyn, d_tag);
        if (tag == DT_NULL)
            break;
        if (tag == DT_STRTAB)
            string_address = value;
        else if (tag == DT_STRSZ)
            elf->strings_size = value;
        else if (tag == DT_SYMTAB)
            elf->symbols = offset_of(elf, value);
        else if (tag == DT_HASH)
            elf->hash = offset_of(elf, value);
        else if (tag == DT_GNU_HASH)
            elf->gnu_hash = offset_of(elf, value);
        else if (tag == DT_SONAME)
            name = value;
        else if (tag == DT_AUDIT || tag == DT_DEPAUDIT)
            elf->audits = true;
    }
    elf->strings = offset_of(elf, string_address);
    if (name < elf->strings_size)
        elf->soname = text(elf, elf->strings + name, elf->strings_size - name);
}

static bool is_native_order(const uint8_t *bytes)
{
    const uint16_t one = 1;
    uint8_t low;

    memcpy(&low, &one, 1);
    return bytes[EI_DATA] == (low ? ELFDATA2LSB : ELFDATA2MSB);
}

bool elf_read(struct elf *elf, const uint8_t *bytes, size_t size)
{
    *elf = (struct elf){.bytes = bytes, .size = size};
    if (size < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG) != 0 ||
        (bytes[EI_CLASS] != ELFCLASS32 && bytes[EI_CLASS] != ELFCLASS64))
        return false;
    elf->wide = bytes[EI_CLASS] == ELFCLASS64;
    if (size < SIZE(elf, Ehdr))
        return false;
    elf->type = (uint16_t)MEMBER(elf, 0, Ehdr, e_type);
    elf->machine = (uint16_t)MEMBER(elf, 0, Ehdr, e_machine);
    if (!is_native_order(bytes)) {
        elf->foreign_order = true;
        elf->machine = (uint16_t)(elf->machine << 8 | elf->machine >> 8);
        return true;
    }
    elf->flags = (uint32_t)MEMBER(elf, 0, Ehdr, e_flags);

    for (uint64_t i = 0; i < program_headers(elf); i++) {
        const uint64_t at = program_header(elf, i);
        const uint64_t offset = MEMBER(elf, at, Phdr, p_offset), length = MEMBER(elf, at, Phdr, p_filesz);
        switch (MEMBER(elf, at, Phdr, p_type)) {
        case PT_INTERP:
            elf->interpreted = true;
            elf->interpreter = text(elf, offset, length);
            break;
        case PT_DYNAMIC:
            if (!elf->dynamic)
                read_dynamic(elf, offset, length);
            break;
        default:
            break;
        }
    }
    read_marks(elf);
    return true;
}

/* ---- lists of names */

void elf_each_needed(const struct elf *elf, void (*each)(void *context, const char *name), void *context)
{
    const uint64_t width = SIZE(elf, Dyn);

    for (uint64_t i = 0; i + width <= elf->dynamic_size; i += width) {
        const uint64_t tag = MEMBER(elf, elf->dynamic_at + i, Dyn, d_tag);
        const uint64_t name = MEMBER(elf, elf->dynamic_at + i, Dyn, d_un);
        const char *found;
        if (tag == DT_NULL)
            break;
        if (tag == DT_NEEDED && name < elf->strings_size &&
            (found = text(elf, elf->strings + name, elf->strings_size - name)))
            each(context, found);
    }
}

/*
 * Returns how many dynamic symbols may be imports. With a GNU hash table, undefined symbols come before those
 * in the table, and its second word is the number of its first symbol. With the older hash table, any symbol
 * may be one: the table has as many chains as there are symbols.
 */
static uint64_t symbols_to_look_at(const struct elf *elf)
{
    if (elf->hash && inside(elf, elf->hash, 8))
        return number(elf, elf->hash + 4, 4);
    if (elf->gnu_hash && inside(elf, elf->gnu_hash, 8))
        return number(elf, elf->gnu_hash + 4, 4);
    return 0;
}

void elf_each_import(const struct elf *elf, void (*each)(void *context, const char *name), void *context)
{
    const uint64_t count = symbols_to_look_at(elf);

    for (uint64_t i = 1; i < count; i++) {
        const uint64_t at = elf->symbols + i * SIZE(elf, Sym);
        const uint64_t name = MEMBER(elf, at, Sym, st_name);
        const char *found;
        if (!inside(elf, elf->symbols, (i + 1) * SIZE(elf, Sym)))
            break;
        if (MEMBER(elf, at, Sym, st_shndx) == SHN_UNDEF && name < elf->strings_size &&
            (found = text(elf, elf->strings + name, elf->strings_size - name)) && *found)
            each(context, found);
    }
}

/* ---- telling machines and C libraries apart */

static void note_libc(void *context, const char *name)
{
    enum libc_kind *const kind = context;

    if (strcmp(name, "libc.so.6") == 0)
        *kind = LIBC_GLIBC;
    else if (strcmp(name, "libc.so") == 0 || strncmp(name, "libc.musl-", 10) == 0)
        *kind = LIBC_MUSL;
}

enum libc_kind elf_libc(const struct elf *elf)
{
    enum libc_kind kind = LIBC_OTHER;
    const char *base;

    if (elf->interpreter) {
        base = strrchr(elf->interpreter, '/');
        base = base ? base + 1 : elf->interpreter;
        if (strncmp(base, "ld-musl-", 8) == 0)
            return LIBC_MUSL;
        if (strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld64.so.", 8) == 0 ||
            strncmp(base, "ld.so.", 6) == 0)
            return LIBC_GLIBC;
    }
    elf_each_needed(elf, note_libc, &kind);
    return kind;
}

const char *elf_machine_name(const struct elf *elf, char *buffer, size_t size)
{
    static const struct {
        uint16_t machine;
        const char *name;
    } known[] = {
        {EM_386, "i386"},    {EM_X86_64, "x86-64"}, {EM_ARM, "ARM"},      {EM_AARCH64, "AArch64"},
        {EM_PPC, "PowerPC"}, {EM_PPC64, "PowerPC"}, {EM_RISCV, "RISC-V"}, {EM_S390, "S/390"},
        {EM_MIPS, "MIPS"},   {EM_SPARCV9, "SPARC"},
    };
    const char *const bits = elf->wide ? "64-bit" : "32-bit";

    snprintf(buffer, size, "%s (ELF machine %u)", bits, elf->machine);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].machine == elf->machine)
            snprintf(buffer, size, "%s %s", bits, known[i].name);
    }
    return buffer;
}

bool elf_same_machine(const struct elf *a, const struct elf *b)
{
    /* Bits of e_flags that mark incompatible ABIs: EABI version and float ABI on ARM, float ABI on RISC-V. */
    const uint32_t abi = a->machine == EM_ARM ? 0xff000000 : a->machine == EM_RISCV ? 0x6 : 0;

    return a->wide == b->wide && a->foreign_order == b->foreign_order && a->machine == b->machine &&
           (a->flags & abi) == (b->flags & abi);
}
