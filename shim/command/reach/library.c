#include "command/reach/library.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/reach/beside.h"
#include "command/reach/ld_so.h"

#define LIBRARY "libretrotls.so"

/* In the order given in library.h. */
static const char *const places[] = {
    "/" LIBRARY,
    "/lib32/" LIBRARY,
    "/musl/" LIBRARY,
    "/musl32/" LIBRARY,
    "/../lib/*-linux-*/" LIBRARY,
    "/../lib64/" LIBRARY,
    "/../lib32/" LIBRARY,
    "/../lib/" LIBRARY,
    "/../lib/retrotls/" LIBRARY,
    "/../lib/retrotls/*/" LIBRARY,
};

/* ---- finding */

static bool fits(const char *path, const struct elf *program)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    struct elf elf;
    void *map;
    bool good;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) {
        close(fd);
        return false;
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return false;
    good = elf_read(&elf, map, (size_t)st.st_size) && !elf.foreign_order && elf_same_machine(&elf, program) &&
           elf_libc(&elf) == elf_libc(program);
    munmap(map, (size_t)st.st_size);
    return good;
}

/* Escapes glob(3)'s special characters in the folder's name. */
static void escape(const char *from, char *to, size_t size)
{
    size_t length = 0;

    for (; *from && length + 2 < size; from++) {
        if (strchr("\\*?[", *from))
            to[length++] = '\\';
        to[length++] = *from;
    }
    to[length] = '\0';
}

static bool find_at(const char *pattern, struct beside *beside, const struct elf *program,
                    char path[PATH_MAX])
{
    bool found = false;
    glob_t all;

    if (glob(pattern, 0, NULL, &all) != 0)
        return false;
    for (size_t i = 0; i < all.gl_pathc && !found; i++) {
        const char *const one = all.gl_pathv[i];
        char *const real = beside_trusts(beside, one) && fits(one, program) ? realpath(one, NULL) : NULL;

        found = real && strlen(real) < PATH_MAX;
        if (found)
            strcpy(path, real);
        free(real);
    }
    globfree(&all);
    return found;
}

static bool find(struct beside *beside, const struct elf *program, char path[PATH_MAX])
{
    char escaped[2 * PATH_MAX], pattern[2 * PATH_MAX + 64];

    escape(beside->folder, escaped, sizeof escaped);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(pattern, sizeof pattern, "%s%s", escaped, places[i]);
        if (find_at(pattern, beside, program, path))
            return true;
    }
    return false;
}

/* ---- having the loader load it */

struct search {
    const char *path;
    bool found;
};

static void note_library(void *context, const char *path)
{
    struct search *const search = context;
    char *const real = realpath(path, NULL);

    if (real && strcmp(real, search->path) == 0)
        search->found = true;
    free(real);
}

/* Finds the line of the loader's output that says what is wrong; "" if there is none. */
static void complaint(const struct ld_so_answer *answer, char *line, size_t size)
{
    static const char *const marks[] = {"error", "ERROR", "Error", "not found", "cannot"};

    line[0] = '\0';
    for (const char *at = answer->output; *at && !line[0]; at += strcspn(at, "\n"), at += *at == '\n') {
        const size_t length = strcspn(at, "\n");
        for (size_t i = 0; i < sizeof marks / sizeof marks[0] && !line[0]; i++) {
            if (memmem(at, length, marks[i], strlen(marks[i])))
                snprintf(line, size, "%.*s", (int)length, at + strspn(at, "\t "));
        }
    }
}

static bool loads(const char *preload, struct library *library, const struct target *target,
                  char why[LIBRARY_WHY_LIMIT])
{
    struct ld_so_answer *const answer = &library->listing;
    const char *const path = library->path;
    const char *const loader = target->elf.interpreter, *const program = target_program(target);
    struct search search = {.path = path};
    char line[512];

    ld_so_list(answer, loader, program, preload);
    ld_so_each_file(answer, note_library, &search);
    complaint(answer, line, sizeof line);
    if (answer->error)
        snprintf(why, LIBRARY_WHY_LIMIT, "%s needs the loader %s: %s.", program, loader,
                 strerror(answer->error));
    else if (answer->status == 0 && search.found && !strstr(line, LIBRARY))
        return true;
    else
        snprintf(why, LIBRARY_WHY_LIMIT, "the loader of %s does not start it with %s%s%s", program, path,
                 line[0] ? ": " : ".", line);
    return false;
}

/* Writes the path with $LIB for the folders between COMMAND/../ and the file; "" if the file is elsewhere. */
static void with_lib(const char *folder, const char *path, char preload[PATH_MAX])
{
    const char *const slash = strrchr(folder, '/');
    size_t prefix;

    preload[0] = '\0';
    if (!slash)
        return;
    prefix = (size_t)(slash - folder) + 1;
    if (strncmp(path, folder, prefix) == 0 && strncmp(path + prefix, "lib", 3) == 0)
        snprintf(preload, PATH_MAX, "%.*s$LIB/" LIBRARY, (int)prefix, path);
}

bool library_find(struct library *library, const struct target *target, char why[LIBRARY_WHY_LIMIT])
{
    const char *const libc = elf_libc(&target->elf) == LIBC_MUSL ? " with musl" : "";
    static struct beside beside;
    char machine[64], doubt[3 * PATH_MAX];

    if (!beside_start(&beside)) {
        snprintf(
            why, LIBRARY_WHY_LIMIT,
            "cannot tell where this command is: /proc/self/exe: %s. Mount /proc; the library needs it too.",
            strerror(errno));
        return false;
    }
    if (elf_libc(&target->elf) == LIBC_OTHER || !find(&beside, &target->elf, library->path)) {
        beside_describe(&beside, doubt, sizeof doubt);
        snprintf(why, LIBRARY_WHY_LIMIT,
                 "%s is built for %s%s, and there is no " LIBRARY
                 " for that beside this command%s%s%s Install or build the library for it.",
                 target_program(target), elf_machine_name(&target->elf, machine, sizeof machine),
                 elf_libc(&target->elf) == LIBC_OTHER ? " with a C library that retrotls does not know"
                                                      : libc,
                 doubt[0] ? " that can be trusted: " : "", doubt, doubt[0] ? "" : ".");
        return false;
    }
    if (strpbrk(library->path, " :")) {
        snprintf(why, LIBRARY_WHY_LIMIT,
                 "%s has a space or a colon in its path, which LD_PRELOAD cannot carry. Move it.",
                 library->path);
        return false;
    }
    with_lib(beside.folder, library->path, library->preload);
    if (library->preload[0] && elf_libc(&target->elf) == LIBC_GLIBC &&
        loads(library->preload, library, target, why))
        return true;
    strcpy(library->preload, library->path);
    return loads(library->preload, library, target, why);
}

char *library_preload(const struct library *library, const char *earlier)
{
    const size_t size = strlen(library->preload) + (earlier ? strlen(earlier) : 0) + 2;
    char *const value = malloc(size);
    size_t length;

    if (!value)
        return NULL;
    strcpy(value, library->preload);
    length = strlen(value);
    while (earlier && *earlier) {
        const size_t blank = strspn(earlier, " :"), word = strcspn(earlier + blank, " :");
        const char *const at = earlier + blank;
        const size_t name = strlen(LIBRARY);

        earlier = at + word;
        if (word == 0 || (word >= name && strncmp(at + word - name, LIBRARY, name) == 0 &&
                          (word == name || at[word - name - 1] == '/')))
            continue;
        length += (size_t)snprintf(value + length, size - length, ":%.*s", (int)word, at);
    }
    return value;
}
