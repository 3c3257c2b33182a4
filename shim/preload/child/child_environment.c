#include "preload/child/child_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/process/config.h"
#include "preload/sys/environment.h"
#include "preload/sys/memory.h"
#include "preload/sys/own_code.h"
#include "preload/sys/strbuf.h"
#include "preload/sys/sys.h"

enum { VALUE_LIMIT = 4096, PAGE = 4096 /* the smallest of any machine */ };

static const char library_name[] = "libretrotls.so";

enum variable { PRELOAD, POLICY, LOG, SANDBOX, SUPERVISED, VARIABLES };

/*
 * The variables that children inherit. `assignment` is "NAME=value", or "" if this program was started
 * without it.
 */
static struct kept {
    const char *name;
    char assignment[VALUE_LIMIT + 32];
} kept[VARIABLES] = {
    [PRELOAD] = {.name = "LD_PRELOAD="},
    [POLICY] = {.name = "RETROTLS_POLICY="},
    [LOG] = {.name = "RETROTLS_LOG="},
    [SANDBOX] = {.name = "RETROTLS_SANDBOX="},
    [SUPERVISED] = {.name = "RETROTLS_SUPERVISED="},
};

/* Our file, so that we can see whether the loader could open it; "" if the loader searches for it. */
static char library_file[VALUE_LIMIT];

static bool is_one_file; /* our name in LD_PRELOAD is a path without variables */

/* What we find in an environment. */
struct found {
    size_t count;                /* entries, without the NULL */
    size_t at[VARIABLES];        /* index of the entry that counts; SIZE_MAX: there is none */
    bool has[VARIABLES];         /* the variable is set; of LD_PRELOAD: and leads to our library */
    const char *other_libraries; /* LD_PRELOAD's value, if it does not; else NULL */
    const char *relative;        /* our library in it, by a relative path; else NULL */
    size_t relative_length;
    bool unwanted; /* LD_PRELOAD is empty */
};

/* ---- the entry of ours in a value of LD_PRELOAD: names between spaces and colons (ld.so(8)) */

static const char separators[] = ": ";

/* Returns the first name in `value` that is our library's, with its length; or NULL. */
static const char *find_library(const char *value, size_t *length)
{
    const size_t own = sizeof library_name - 1;

    for (const char *at = value; *at; at += *length) {
        at += strspn(at, separators);
        *length = strcspn(at, separators);
        if (*length >= own && memcmp(at + *length - own, library_name, own) == 0 &&
            (*length == own || at[*length - own - 1] == '/'))
            return at;
    }
    return NULL;
}

/*
 * Relative to the working directory, which the program may have left since it was started: the loader would
 * print an error and start the next one without the library.
 */
static bool is_relative(const char *name, size_t length)
{
    return memchr(name, '/', length) && name[0] != '/' && name[0] != '$';
}

/*
 * Whether the value is the relative path that this program was started with (config_start() makes it
 * absolute). From another working directory it would lead elsewhere.
 */
static bool was_relative(enum variable variable, const char *value)
{
    const char *const own = kept[variable].assignment;
    const size_t length = strlen(own), end = strlen(value);

    return value[0] != '/' && end > 0 && length > end && own[strlen(kept[variable].name)] == '/' &&
           own[length - end - 1] == '/' && strcmp(own + length - end, value) == 0;
}

/* ---- what we were started with */

static void keep(enum variable variable, const char *value)
{
    struct strbuf w;

    strbuf_start(&w, kept[variable].assignment, sizeof kept[variable].assignment);
    if (!value)
        return;
    strbuf_add(&w, kept[variable].name);
    strbuf_add(&w, value);
    if (w.cut)
        kept[variable].assignment[0] = '\0';
}

/*
 * Notes the file that the loader took this code from, for a name in LD_PRELOAD with variables (ld.so(8),
 * $LIB).
 */
static int note_own_file(struct dl_phdr_info *info, size_t size, void *unused)
{
    struct strbuf w;

    (void)size;
    (void)unused;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *const head = &info->dlpi_phdr[i];
        if (head->p_type != PT_LOAD || !own_code_has((const void *)(info->dlpi_addr + head->p_vaddr)))
            continue;
        strbuf_start(&w, library_file, sizeof library_file);
        strbuf_add(&w, info->dlpi_name);
        return 1;
    }
    return 0;
}

/* The program may have another working directory when it starts its children. */
static void keep_library(const char *name, size_t length)
{
    char own[VALUE_LIMIT], path[VALUE_LIMIT];
    struct strbuf w;

    strbuf_start(&w, own, sizeof own);
    if (length >= sizeof own)
        return;
    memcpy(own, name, length);
    own[length] = '\0';
    strbuf_start(&w, path, sizeof path);
    if (is_relative(own, length) && sys_call(SYS_getcwd, path, sizeof path) > 0 && path[0] == '/') {
        w.used = strlen(path);
        strbuf_byte(&w, '/');
    }
    strbuf_add(&w, own);
    if (w.cut)
        return;
    keep(PRELOAD, path);
    is_one_file = path[0] == '/' && !strchr(path, '$');
    if (strchr(path, '$'))
        dl_iterate_phdr(note_own_file, NULL);
    else if (path[0] == '/')
        memcpy(library_file, path, sizeof path);
}

void child_environment_start(void)
{
    const char *const value = environment_value("LD_PRELOAD");
    size_t length = 0;
    const char *const name = value ? find_library(value, &length) : NULL;

    if (!name)
        return;
    keep_library(name, length);
    keep(POLICY, config_policy_file());
    keep(LOG, config_log());
    keep(SANDBOX, config_sandbox_is_off() ? "off" : NULL);
    keep(SUPERVISED, config_is_supervised() ? "1" : NULL);
}

const char *child_environment_library(void)
{
    return library_file;
}

/* ---- reading an environment that the program has made */

/* Whether the byte can be read. `page` is the last one that could. */
static bool is_readable(const void *address, uintptr_t *page)
{
    const uintptr_t now = (uintptr_t)address / PAGE;

    if (now == *page)
        return true;
    if (!memory_is_readable(address))
        return false;
    *page = now;
    return true;
}

/* Returns the value if `entry` sets the variable, or else NULL. False if part of it cannot be read. */
static bool read_value(const char *entry, const char *name, uintptr_t *page, const char **value)
{
    *value = NULL;
    for (;; entry++, name++) {
        if (!is_readable(entry, page))
            return false;
        if (*name == '\0') {
            *value = entry;
            return true;
        }
        if (*entry != *name)
            return true;
    }
}

static bool can_read_all(const char *text, uintptr_t *page)
{
    do {
        if (!is_readable(text, page))
            return false;
    } while (*text++);
    return true;
}

/*
 * Of several LD_PRELOADs, glibc's loader takes the last one (elf/rtld.c, process_envvars()), musl's the first
 * (ldso/dynlink.c, getenv()).
 */
static bool note_preload(struct found *found, const char *value, uintptr_t *page)
{
    const char *name;
    size_t length;

#ifndef __GLIBC__
    if (found->has[PRELOAD] || found->other_libraries || found->unwanted)
        return true;
#endif
    if (!can_read_all(value, page))
        return false;
    found->unwanted = value[0] == '\0';
    name = find_library(value, &length);
    found->relative = name && is_one_file && is_relative(name, length) ? name : NULL;
    found->relative_length = length;
    found->has[PRELOAD] = name && !found->relative;
    found->at[PRELOAD] = found->count;
    found->other_libraries = found->unwanted || found->has[PRELOAD] ? NULL : value;
    return true;
}

/* Of several, getenv(3) takes the first. False if part of it cannot be read. */
static bool note_value(struct found *found, enum variable variable, const char *value, uintptr_t *page)
{
    if (found->at[variable] != SIZE_MAX)
        return true;
    if (!can_read_all(value, page))
        return false;
    found->at[variable] = found->count;
    found->has[variable] = !was_relative(variable, value);
    return true;
}

/* False if part of it cannot be read. */
static bool read_environment(char *const *envp, struct found *found)
{
    uintptr_t of_array = UINTPTR_MAX, of_strings = UINTPTR_MAX;

    memset(found, 0, sizeof *found);
    for (int i = 0; i < VARIABLES; i++)
        found->at[i] = SIZE_MAX;
    if (!envp) /* execve(2), NOTES: Linux takes it for an empty one */
        return true;
    for (;; found->count++) {
        const char *const *const entry = (const char *const *)envp + found->count;
        if (!is_readable(entry, &of_array))
            return false;
        if (!*entry)
            return true;
        for (enum variable i = 0; i < VARIABLES; i++) {
            const char *value;
            if (!read_value(*entry, kept[i].name, &of_strings, &value))
                return false;
            if (value && !(i == PRELOAD ? note_preload(found, value, &of_strings)
                                        : note_value(found, i, value, &of_strings)))
                return false;
        }
    }
}

/* ---- the new one */

/* In a new root there may be no library of ours. The loader would print an error and start the program. */
static bool library_is_there(void)
{
    return library_file[0] != '/' || sys_call(SYS_faccessat, AT_FDCWD, library_file, R_OK) == 0;
}

static void *take_room(struct child_environment *room, size_t size)
{
    void *mapped;

    if (size <= sizeof room->room)
        return room->room;
    mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    room->mapped = mapped;
    room->size = size;
    return mapped;
}

/* First, as `retrotls` puts it: our connect() must call that of a proxy's preload. */
static void join_first(char *joined, const struct found *found)
{
    stpcpy(stpcpy(stpcpy(joined, kept[PRELOAD].assignment), ":"), found->other_libraries);
}

/* Makes the relative path of ours absolute. */
static void join_in_place(char *joined, const struct found *found)
{
    const size_t before = (size_t)(found->relative - found->other_libraries);
    char *to = stpcpy(joined, kept[PRELOAD].name);

    memcpy(to, found->other_libraries, before);
    to = stpcpy(to + before, kept[PRELOAD].assignment + strlen(kept[PRELOAD].name));
    strcpy(to, found->relative + found->relative_length);
}

static bool build(char *const **envp, const struct found *found, struct child_environment *room)
{
    const size_t own = strlen(kept[PRELOAD].assignment);
    const size_t others = found->other_libraries ? strlen(found->other_libraries) : 0;
    const size_t entries = found->count + VARIABLES + 1;
    size_t count = found->count;
    char **const made = take_room(room, entries * sizeof *made + own + 1 + others + 1);
    char *joined;

    if (!made)
        return false;
    joined = (char *)(made + entries);
    if (count > 0)
        memcpy(made, *envp, count * sizeof *made);
    for (int i = 0; i < VARIABLES; i++) {
        if (found->has[i] || !kept[i].assignment[0])
            continue;
        if (i != PRELOAD || !found->other_libraries) {
            made[found->at[i] == SIZE_MAX || i == PRELOAD ? count++ : found->at[i]] = kept[i].assignment;
            continue;
        }
        if (found->relative)
            join_in_place(joined, found);
        else
            join_first(joined, found);
        made[found->at[PRELOAD]] = joined;
    }
    made[count] = NULL;
    *envp = made;
    return true;
}

static bool lacks_something(const struct found *found)
{
    for (int i = 0; i < VARIABLES; i++) {
        if (!found->has[i] && kept[i].assignment[0])
            return true;
    }
    return false;
}

bool child_environment(char *const **envp, struct child_environment *room)
{
    const int saved = errno;
    struct found found;
    bool good;

    room->mapped = NULL;
    room->library = CHILD_UNWATCHED;
    if (!kept[PRELOAD].assignment[0])
        return true;
    good = read_environment(*envp, &found);
    errno = saved;
    if (!good || found.unwanted)
        return true;
    room->library = found.has[PRELOAD] || library_is_there() ? CHILD_GUARDED : CHILD_BEREFT;
    room->one_file = is_one_file;
    if (room->library == CHILD_GUARDED && lacks_something(&found))
        good = build(envp, &found, room);
    errno = good ? saved : ENOMEM;
    return good;
}

void child_environment_end(struct child_environment *room)
{
    const int saved = errno;

    if (room->mapped)
        munmap(room->mapped, room->size);
    room->mapped = NULL;
    errno = saved;
}
