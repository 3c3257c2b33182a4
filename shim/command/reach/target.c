#include "command/reach/target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "program/shebang.h"

/* ---- finding it */

static int may_execute(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

int target_search(const char *name, char path[PATH_MAX])
{
    const char *folders = getenv("PATH");
    int error = ENOENT;

    if (!*name)
        return ENOENT;
    if (strchr(name, '/')) {
        if ((size_t)snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
            return ENAMETOOLONG;
        return may_execute(path);
    }
    if (!folders)
        folders = "/bin:/usr/bin"; /* execvp(3): confstr(_CS_PATH) */
    for (;;) {
        const int length = (int)strcspn(folders, ":");
        if (snprintf(path, PATH_MAX, "%.*s%s%s", length, folders, length ? "/" : "", name) < PATH_MAX) {
            const int found = may_execute(path);
            if (found == 0)
                return 0;
            if (found == EACCES)
                error = EACCES;
        }
        if (!folders[length])
            return error;
        folders += length + 1;
    }
}

/* ---- reasons for the loader to ignore a preload: AT_SECURE (ld.so(8), getauxval(3)) */

/* True if the kernel honours the file's set-id bits and capabilities (execve(2)). */
static bool privileges_are_heeded(int fd)
{
    struct statvfs fs;

    return !(fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID)) &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

/* True if the file has capabilities. They give nothing new to the real user root (capabilities(7)). */
static bool has_capabilities(int fd)
{
    struct vfs_ns_cap_data caps = {0};

    return fgetxattr(fd, "security.capability", &caps, sizeof caps) > 0 || errno == ERANGE;
}

static enum target_fault privileges(struct target *target, const struct stat *st, int fd)
{
    const mode_t setgid = S_ISGID | S_IXGRP; /* without S_IXGRP, S_ISGID once meant mandatory locking */
    const bool sets_user = st->st_mode & S_ISUID, sets_group = (st->st_mode & setgid) == setgid;
    bool capable;

    if (!privileges_are_heeded(fd))
        return TARGET_WITHIN_REACH;
    if (sets_user && st->st_uid != getuid())
        return TARGET_SETUID;
    if (sets_group && st->st_gid != getgid())
        return TARGET_SETGID;
    capable = has_capabilities(fd);
    if (capable && getuid() != 0)
        return TARGET_CAPABILITIES;
    target->others_gain = sets_user || sets_group || capable;
    return TARGET_WITHIN_REACH;
}

/* ---- looking at one file */

static enum target_fault of_program(struct target *target, const struct stat *st, int fd)
{
    target->owner = st->st_uid;
    target->group = st->st_gid;
    if (target->elf.type != ET_EXEC && target->elf.type != ET_DYN)
        return TARGET_NO_PROGRAM;
    if (target->elf.foreign_order) /* decided later, from the libraries that we find */
        return privileges(target, st, fd);
    if (target->elf.go)
        return TARGET_GO;
    if (target->elf.free_pascal)
        return TARGET_PASCAL;
    if (!target->elf.interpreter)
        return TARGET_STATIC;
    return privileges(target, st, fd);
}

/* Appends a step. Returns false if there are too many, or it is too long. */
static bool next_step(struct target *target, const char *path)
{
    if (target->steps == TARGET_STEPS || strlen(path) >= PATH_MAX)
        return false;
    strcpy(target->step[target->steps++], path);
    return true;
}

enum progress {
    DONE,
    FOLLOW,
};

static enum progress stop(struct target *target, enum target_fault fault, int error)
{
    target->fault = fault;
    target->error = error;
    return DONE;
}

static enum progress follow(struct target *target, const char *name)
{
    char path[PATH_MAX];
    const int error = target_search(name, path);

    if (!next_step(target, error ? name : path))
        return stop(target, TARGET_TOO_DEEP, 0);
    if (error)
        return stop(target, error == EACCES ? TARGET_DENIED : TARGET_MISSING, error);
    return FOLLOW;
}

static enum progress follow_script(struct target *target)
{
    struct shebang line;

    switch (shebang_read(&line, target->map, target->map_size)) {
    case SHEBANG_NONE:
        if (target->steps > 1 || shebang_is_binary(target->map, target->map_size))
            return stop(target, TARGET_NO_PROGRAM, 0);
        target->by_shell = true;
        return follow(target, "/bin/sh");
    case SHEBANG_BAD:
        return stop(target, TARGET_NO_PROGRAM, 0);
    case SHEBANG_OBSCURE:
        return stop(target, TARGET_OBSCURE, 0);
    case SHEBANG_CLEARS:
        return stop(target, TARGET_ENVIRONMENT, 0);
    case SHEBANG_READ:
        break;
    }
    if (follow(target, line.interpreter) == DONE)
        return DONE;
    return line.program[0] ? follow(target, line.program) : FOLLOW;
}

static void forget_map(struct target *target)
{
    if (target->map)
        munmap(target->map, target->map_size);
    target->map = NULL;
    target->map_size = 0;
}

static enum progress look(struct target *target, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return stop(target, TARGET_UNREADABLE, errno);
    if (!S_ISREG(st.st_mode))
        return stop(target, TARGET_DENIED, S_ISDIR(st.st_mode) ? EISDIR : EACCES);
    forget_map(target);
    if (st.st_size > 0) {
        void *const map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
            return stop(target, TARGET_UNREADABLE, errno);
        target->map = map;
        target->map_size = (size_t)st.st_size;
    }
    if (elf_read(&target->elf, target->map, target->map_size))
        return stop(target, of_program(target, &st, fd), 0);
    if (target->map_size >= SELFMAG && memcmp(target->map, ELFMAG, SELFMAG) == 0)
        return stop(target, TARGET_NO_PROGRAM, 0);
    return follow_script(target);
}

void target_open(struct target *target, const char *path)
{
    enum progress progress = FOLLOW;

    memset(target, 0, sizeof *target);
    if (!next_step(target, path)) {
        stop(target, TARGET_MISSING, ENAMETOOLONG);
        return;
    }
    while (progress == FOLLOW) {
        const char *const at = target_program(target);
        const int denied = may_execute(at);
        const int fd = denied ? -1 : open(at, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (denied)
            progress = stop(target, denied == EACCES ? TARGET_DENIED : TARGET_MISSING, denied);
        else if (fd < 0)
            progress = stop(target, TARGET_UNREADABLE, errno);
        else
            progress = look(target, fd);
        if (fd >= 0)
            close(fd);
    }
}

void target_close(struct target *target)
{
    forget_map(target);
}

const char *target_program(const struct target *target)
{
    return target->step[target->steps - 1];
}
