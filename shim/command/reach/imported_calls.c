#include "command/reach/imported_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/elf.h"

/*
 * The calls that the library intercepts (calls.def), except those that every program imports, and one that
 * uses a descriptor which the library has switched. Calls that look up names come first.
 */
static const char *const watched[] = {
#define LOOKS_UP(name) name,
#define SHOWN(name)
#define NOT_SHOWN(name)
#define CALL(name, libc, doctor) doctor(#name)
#include "preload/calls.def"
#undef LOOKS_UP
#undef SHOWN
#define LOOKS_UP(name)
#define SHOWN(name) name,
#define CALL(name, libc, doctor) doctor(#name)
#include "preload/calls.def"
    "epoll_ctl",
};

enum {
    RESOLVER_CALLS = 0
#undef LOOKS_UP
#undef SHOWN
#define LOOKS_UP(name) +1
#define SHOWN(name)
#define CALL(name, libc, doctor) doctor(#name)
#include "preload/calls.def"
};

_Static_assert(sizeof watched / sizeof watched[0] <= 64, "they are a set of bits");

static const char *const tls_libraries[] = {"libssl.so",     "libssl3.so", "libgnutls.so",  "libmbedtls.so",
                                            "libwolfssl.so", "libtls.so",  "libbearssl.so", "libs2n.so"};

static const char *const dns_libraries[] = {"libcares.so", "libunbound.so", "libldns.so",
                                            "libadns.so",  "libudns.so",    "libgetdns.so"};

static const char *const libc_files[] = {"libc.so", "libc-", "libpthread", "libresolv",  "libanl",
                                         "libnss_", "ld-",   "libc.musl",  "libretrotls"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool starts_with_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(name, list[i], strlen(list[i])) == 0)
            return true;
    }
    return false;
}

static void append(char *text, size_t size, const char *separator, const char *word)
{
    const size_t length = strlen(text);

    if (length + strlen(separator) + strlen(word) < size)
        snprintf(text + length, size - length, "%s%s", length ? separator : "", word);
}

struct adding {
    struct imported_calls *calls;
    struct imported_calls_of *of;
    bool program;
};

static void add_import(void *context, const char *name)
{
    struct adding *const adding = context;

    if (strcmp(name, "connect") == 0)
        adding->calls->connects = true;
    if (adding->program && strcmp(name, "dlopen") == 0)
        adding->calls->loads_more = true;
    for (size_t i = 0; i < COUNT(watched); i++) {
        if (strcmp(name, watched[i]) != 0)
            continue;
        adding->of->set |= (uint64_t)1 << i;
        if (i < RESOLVER_CALLS)
            adding->calls->resolves = true;
    }
}

static void *map_file(const char *path, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    void *map = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        *size = (size_t)st.st_size;
        map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

void imported_calls_add(struct imported_calls *calls, const char *path, bool program)
{
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    struct imported_calls_of spare;
    struct adding adding = {.calls = calls, .of = &spare, .program = program};
    size_t size;
    struct elf elf;
    void *map;

    if (!program && starts_with_one_of(name, libc_files, COUNT(libc_files)))
        return;
    if (starts_with_one_of(name, tls_libraries, COUNT(tls_libraries)))
        append(calls->tls, sizeof calls->tls, ", ", name);
    if (starts_with_one_of(name, dns_libraries, COUNT(dns_libraries)))
        append(calls->own_resolver, sizeof calls->own_resolver, ", ", name);
    if (strncmp(name, "liburing.so", 11) == 0)
        calls->rings = true;
    map = map_file(path, &size);
    if (!map)
        return;
    if (calls->count < IMPORTED_CALLS_FILES_LIMIT)
        adding.of = &calls->file[calls->count];
    snprintf(adding.of->name, sizeof adding.of->name, "%s", name);
    adding.of->set = 0;
    if (elf_read(&elf, map, size) && !elf.foreign_order)
        elf_each_import(&elf, add_import, &adding);
    if (adding.of->set && calls->count < IMPORTED_CALLS_FILES_LIMIT)
        calls->count++;
    munmap(map, size);
}

char *imported_calls_text(const struct imported_calls_of *of, char text[IMPORTED_CALLS_TEXT_LIMIT])
{
    text[0] = '\0';
    for (size_t i = 0; i < COUNT(watched); i++) {
        if (of->set >> i & 1)
            append(text, IMPORTED_CALLS_TEXT_LIMIT, " ", watched[i]);
    }
    return text;
}
