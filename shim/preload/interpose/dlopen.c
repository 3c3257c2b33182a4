/*
 * dlopen(3) with RTLD_DEEPBIND, which PHP uses to load its extensions. What is loaded then prefers its own
 * libraries, and so the libc it depends on, to everything that was loaded before, this library included. We
 * look at its references to the functions that this library interposes. If one leads to libc, we point it to
 * where it would lead without the flag. All other references stay as they are.
 *
 * dlopen() identifies its caller by the return address ($ORIGIN, DT_RUNPATH, namespaces). So if nothing has
 * to be done after the call, we jump to it. If the caller matters (for a name with no slash or with a
 * variable), we drop the flag.
 */
#include <dlfcn.h>

#if defined __GLIBC__ && defined RTLD_DEEPBIND
#    include <elf.h>
#    include <link.h>
#    include <stdbool.h>
#    include <stddef.h>
#    include <stdint.h>
#    include <string.h>
#    include <sys/mman.h>
#    include <unistd.h>

#    include "preload/libc/next.h"
#    include "preload/sys/export.h"
#    include "preload/sys/own_code.h"

/* <link.h>, of this process's own class. */
typedef ElfW(Addr) elf_addr;
typedef ElfW(Dyn) elf_dyn;
typedef ElfW(Phdr) elf_phdr;
typedef ElfW(Rel) elf_rel;
typedef ElfW(Rela) elf_rela;
typedef ElfW(Sym) elf_sym;
typedef ElfW(Word) elf_word;

/* The relocations that take a function's address (the processors' ELF supplements). */
#    if defined __x86_64__
enum { ADDRESS = R_X86_64_64, DATA = R_X86_64_GLOB_DAT, CALL = R_X86_64_JUMP_SLOT };
#    elif defined __i386__
enum { ADDRESS = R_386_32, DATA = R_386_GLOB_DAT, CALL = R_386_JMP_SLOT };
#    elif defined __aarch64__
enum { ADDRESS = R_AARCH64_ABS64, DATA = R_AARCH64_GLOB_DAT, CALL = R_AARCH64_JUMP_SLOT };
#    elif defined __arm__
enum { ADDRESS = R_ARM_ABS32, DATA = R_ARM_GLOB_DAT, CALL = R_ARM_JUMP_SLOT };
#    else
enum { ADDRESS = -1, DATA = -1, CALL = -1 }; /* not known: we drop the flag */
#    endif

#    if __SIZEOF_POINTER__ == 8
#        define SYMBOL_OF ELF64_R_SYM
#        define TYPE_OF ELF64_R_TYPE
#    else
#        define SYMBOL_OF ELF32_R_SYM
#        define TYPE_OF ELF32_R_TYPE
#    endif

enum { OBJECTS_LIMIT = 1024 };

struct object {
    uintptr_t base;
    const elf_phdr *head;
    size_t heads;
};

struct objects {
    size_t count;
    bool too_many;
    struct object object[OBJECTS_LIMIT];
};

/* What we need of an object's dynamic section. */
struct dynamic {
    const elf_sym *symbols;
    const char *names;
    uintptr_t table[2]; /* of relocations: those of calls, all others */
    size_t size[2], step[2];
};

static int note(struct dl_phdr_info *info, size_t size, void *context)
{
    struct objects *const all = context;

    (void)size;
    all->too_many = all->count == OBJECTS_LIMIT;
    if (all->too_many)
        return 1;
    all->object[all->count++] =
        (struct object){.base = info->dlpi_addr, .head = info->dlpi_phdr, .heads = info->dlpi_phnum};
    return 0;
}

static const elf_phdr *find_head(const struct object *o, elf_word type)
{
    for (size_t i = 0; i < o->heads; i++) {
        if (o->head[i].p_type == type)
            return &o->head[i];
    }
    return NULL;
}

/* ld.so may or may not have relocated the addresses in the section itself. */
static uintptr_t absolute(const struct object *o, elf_addr address)
{
    return address < o->base ? o->base + address : address;
}

static bool read_dynamic(const struct object *o, struct dynamic *d)
{
    const elf_phdr *const head = find_head(o, PT_DYNAMIC);

    memset(d, 0, sizeof *d);
    if (!head)
        return false;
    for (const elf_dyn *at = (const elf_dyn *)(o->base + head->p_vaddr); at->d_tag != DT_NULL; at++) {
        switch (at->d_tag) {
        case DT_SYMTAB:
            d->symbols = (const elf_sym *)absolute(o, at->d_un.d_ptr);
            break;
        case DT_STRTAB:
            d->names = (const char *)absolute(o, at->d_un.d_ptr);
            break;
        case DT_JMPREL:
            d->table[0] = absolute(o, at->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            d->size[0] = at->d_un.d_val;
            break;
        case DT_PLTREL:
            d->step[0] = at->d_un.d_val == DT_RELA ? sizeof(elf_rela) : sizeof(elf_rel);
            break;
        case DT_RELA:
        case DT_REL:
            d->table[1] = absolute(o, at->d_un.d_ptr);
            d->step[1] = at->d_tag == DT_RELA ? sizeof(elf_rela) : sizeof(elf_rel);
            break;
        case DT_RELASZ:
        case DT_RELSZ:
            d->size[1] = at->d_un.d_val;
            break;
        default:
            break;
        }
    }
    return d->symbols && d->names;
}

/* Where the function would be found without the flag; NULL if it is not ours, or `deep` is not libc's. */
static void *usual_place(void *handle, const char *name, void **deep)
{
    void *const usual = dlsym(RTLD_DEFAULT, name);

    if (!own_code_has(usual))
        return NULL;
    *deep = dlsym(handle, name);
    return *deep && *deep == dlsym(RTLD_NEXT, name) ? usual : NULL;
}

static bool write_slot(const struct object *o, void **slot, void *value)
{
    const elf_phdr *const fixed = find_head(o, PT_GNU_RELRO);
    const uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)slot;
    void *const page = (void *)(at & ~(size - 1));
    const bool read_only =
        fixed && at >= o->base + fixed->p_vaddr && at < o->base + fixed->p_vaddr + fixed->p_memsz;

    if (read_only && mprotect(page, size, PROT_READ | PROT_WRITE) != 0)
        return false;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
    if (read_only)
        mprotect(page, size, PROT_READ);
    return true;
}

/* Returns false if it could not write a reference. */
static bool lead_back(const struct object *o, const struct dynamic *d, int table, void *handle)
{
    for (size_t done = 0; done < d->size[table] && d->step[table] > 0; done += d->step[table]) {
        /* A Rela begins as a Rel does. */
        const elf_rel *const r = (const elf_rel *)(d->table[table] + done);
        const int type = (int)TYPE_OF(r->r_info);
        const elf_sym *const symbol = &d->symbols[SYMBOL_OF(r->r_info)];
        void **const slot = (void **)(o->base + r->r_offset);
        void *usual, *deep;

        if ((type != ADDRESS && type != DATA && type != CALL) || symbol->st_shndx != SHN_UNDEF ||
            symbol->st_name == 0)
            continue;
        usual = usual_place(handle, d->names + symbol->st_name, &deep);
        /* A call may not have been bound yet. */
        if (usual && (*slot == deep || type == CALL) && !write_slot(o, slot, usual))
            return false;
    }
    return true;
}

static bool is_among(const struct objects *all, const struct object *o)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->object[i].head == o->head)
            return true;
    }
    return false;
}

#    if defined __has_attribute
#        if __has_attribute(musttail)
#            define BY_A_JUMP __attribute__((musttail))
#        endif
#    endif
#    ifndef BY_A_JUMP
#        define BY_A_JUMP /* -O2 does it */
#    endif

typedef void *dlopen_call(const char *path, int flags);

/* `before` points to two lists; the first says what was loaded before. */
static APART void *open_deep(dlopen_call *call, const char *path, int flags, struct objects *before)
{
    struct objects *const after = before + 1;
    void *const handle = call(path, flags);
    struct dynamic d;
    bool good = true;

    if (!handle)
        return NULL;
    /* Look only now that the loader has released its lock: dlsym() takes another. */
    after->count = 0;
    dl_iterate_phdr(note, after);
    for (size_t i = 0; i < after->count && good; i++) {
        const struct object *const o = &after->object[i];

        if (!is_among(before, o) && read_dynamic(o, &d))
            good = lead_back(o, &d, 0, handle) && lead_back(o, &d, 1, handle);
    }
    if (good && !after->too_many) {
        dlerror(); /* clears what was not found above */
        return handle;
    }
    dlclose(handle); /* no call may bypass this library */
    return call(path, flags & ~RTLD_DEEPBIND);
}

/* Notes what is loaded now, with room for a second list behind it; NULL if there is no room. */
static struct objects *note_all(void)
{
    struct objects *const room =
        mmap(NULL, 2 * sizeof(struct objects), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED)
        return NULL;
    dl_iterate_phdr(note, room);
    if (!room->too_many && room->count < OBJECTS_LIMIT / 2)
        return room;
    munmap(room, 2 * sizeof(struct objects));
    return NULL;
}

EXPORTED void *dlopen(const char *path, int flags)
{
    dlopen_call *const call = next(NEXT_dlopen);
    struct objects *before = NULL;
    void *handle;

    if (!call)
        return NULL;
    if (flags & RTLD_DEEPBIND && path && strchr(path, '/') && !strchr(path, '$') && CALL != -1)
        before = note_all();
    if (!before)
        BY_A_JUMP return call(path, flags & ~RTLD_DEEPBIND);
    handle = open_deep(call, path, flags, before);
    munmap(before, 2 * sizeof(struct objects));
    return handle;
}
#endif
