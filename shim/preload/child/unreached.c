#include "preload/child/unreached.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/readfile.h"
#include "preload/sys/proc.h"
#include "preload/sys/sys.h"
#include "program/elf.h"
#include "program/shebang.h"

enum { INTERPRETERS = 5 /* of interpreters: as many as the kernel follows (fs/exec.c) */ };

/* Not pread(2), because on 32-bit machines its offset takes two registers (syscall(2), NOTES). */
static long read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
    return offset <= LONG_MAX && sys_call(SYS_lseek, fd, (long)offset, SEEK_SET) == (long)offset
               ? sys_read(fd, bytes, size)
               : -1;
}

/* ---- rights that the program gains */

static bool has_capabilities(int fd)
{
    return sys_call(SYS_fgetxattr, fd, "security.capability", NULL, 0) > 0;
}

/* Whether the kernel sets AT_SECURE (security/commoncap.c, cap_bprm_creds_from_file()). */
static bool is_secure(const struct file_facts *facts, int fd)
{
    const uint32_t setgid = S_ISGID | S_IXGRP;
    uid_t user = geteuid();

    if (sys_call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        if (facts->mode & S_ISUID)
            user = facts->owner;
        if ((facts->mode & setgid) == setgid) /* another group's, or nobody would have set it */
            return true;
        if (getuid() != 0 && has_capabilities(fd))
            return true;
    }
    return user != getuid() || getegid() != getgid();
}

/* ---- the imports of a program with rights: nobody cuts such a file short while we read it */

static void note_connect(void *context, const char *name)
{
    if (strcmp(name, "connect") == 0)
        *(bool *)context = true;
}

static bool imports_connect(int fd)
{
    const long size = sys_call(SYS_lseek, fd, 0, SEEK_END);
    bool found = false;
    struct elf elf;
    void *map;

    if (size <= 0)
        return true;
    map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return true;
    if (elf_read(&elf, map, (size_t)size))
        elf_each_import(&elf, note_connect, &found);
    munmap(map, (size_t)size);
    return found;
}

/* ---- */

static bool is_own(const struct file_facts *facts)
{
    struct file_facts own;
    const int fd = proc_open_of(false, "exe", O_PATH | O_CLOEXEC);
    const bool known = fd >= 0 && file_facts_of(fd, &own) == 0;

    if (fd >= 0)
        sys_close(fd);
    return known && own.device == facts->device && own.inode == facts->inode;
}

/*
 * The loader itself is static, and heeds LD_PRELOAD. It is ld-linux-x86-64.so.2, ld-musl-x86_64.so.1, ld.so.1
 */
static bool is_loader(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return strncmp(slash ? slash + 1 : path, "ld", 2) == 0;
}

static enum unreached of_elf(const struct elf *elf, const char *path, bool one_file)
{
    if ((elf->type != ET_EXEC && elf->type != ET_DYN) || elf->foreign_order)
        return UNREACHED_NOT;
    if (!elf->interpreted)
        return is_loader(path) ? UNREACHED_NOT : UNREACHED_STATIC;
    if (elf->go)
        return UNREACHED_GO;
    if (elf->free_pascal)
        return UNREACHED_PASCAL;
    return one_file && elf->wide != (sizeof(void *) == 8) ? UNREACHED_OTHER_BITS : UNREACHED_NOT;
}

/* The marks of Go and Free Pascal lie beyond what we have read: Go's own linker puts its note at 4 KiB. */
static void read_marks(struct elf *elf, int fd, struct unreached_room *room)
{
    const size_t count = elf_pieces(elf, sizeof room->piece_bytes, room->piece);

    for (size_t i = 0; i < count; i++) {
        const struct elf_piece *const piece = &room->piece[i];
        const bool seen = piece->notes && piece->offset + piece->size <= elf->size;
        const long size = seen ? 0 : read_at(fd, room->piece_bytes, (size_t)piece->size, piece->offset);

        if (size > 0)
            elf_add_piece(elf, piece, room->piece_bytes, (size_t)size);
    }
}

/* Looks at one file. If it is a script, sets room->line. */
static struct unreached_program look(int fd, const char *path, bool one_file, struct unreached_room *room)
{
    struct unreached_program found = {.why = UNREACHED_NOT, .connects = true};
    struct shebang *const line = &room->line;
    uint8_t *const bytes = room->beginning;
    struct file_facts facts;
    struct elf elf;
    ssize_t size;

    line->interpreter[0] = '\0';
    if (file_facts_of(fd, &facts) != 0 || !S_ISREG(facts.mode))
        return found;
    size = sys_read(fd, bytes, sizeof room->beginning);
    if (size <= 0)
        return found;
    if (!elf_read(&elf, bytes, (size_t)size)) {
        if (shebang_read(line, bytes, (size_t)size) != SHEBANG_READ)
            line->interpreter[0] = '\0';
        return found;
    }
    if (elf.interpreted)
        read_marks(&elf, fd, room);
    found.why = of_elf(&elf, path, one_file);
    if (found.why == UNREACHED_NOT && is_secure(&facts, fd)) {
        found.why = UNREACHED_RIGHTS;
        found.connects = imports_connect(fd);
    }
    found.own = found.why != UNREACHED_NOT && is_own(&facts);
    return found;
}

/* errno says why. A file that is not there will not be started. */
static struct unreached_program unreadable(void)
{
    return (struct unreached_program){.why = errno == EACCES || errno == EPERM ? UNREACHED_UNREADABLE
                                                                               : UNREACHED_NOT};
}

static struct unreached_program follow(bool one_file, struct unreached_room *room)
{
    struct unreached_program found = {.why = UNREACHED_NOT, .connects = true};

    for (int i = 0; i < INTERPRETERS && room->line.interpreter[0]; i++) {
        struct file_facts facts;
        int fd;

        memcpy(room->interpreter, room->line.interpreter, sizeof room->interpreter);
        fd = file_open(room->interpreter, &facts);
        if (fd < 0)
            return unreadable();
        found = look(fd, room->interpreter, one_file, room);
        sys_close(fd);
    }
    return found;
}

struct unreached_program unreached_look(const char *path, bool one_file, struct unreached_room *room)
{
    struct unreached_program found = {.why = UNREACHED_NOT, .connects = true};
    const int saved = errno;
    struct file_facts facts;
    const int fd = file_open(path, &facts);

    if (fd >= 0) {
        found = look(fd, path, one_file, room);
        sys_close(fd);
        if (room->line.interpreter[0])
            found = follow(one_file, room);
    } else {
        found = unreadable();
    }
    errno = saved;
    return found;
}
