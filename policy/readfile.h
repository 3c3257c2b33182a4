/* How the policy reads files: whole, up to a limit, and relying only on facts about the open descriptor. */
#ifndef RETROTLS_POLICY_READFILE_H
#define RETROTLS_POLICY_READFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_facts {
    uint64_t device, inode;
    uint32_t owner, mode; /* st_uid, st_mode */
    uint32_t links;       /* st_nlink */
    /* Size and time of the last change; all 0 if the kernel has no statx(2) (before Linux 4.11). */
    uint64_t size;
    int64_t changed;       /* st_ctime: seconds */
    uint64_t changed_part; /* nanoseconds, in some form */
};

enum { FOLDER_ENTRY_LIMIT = 256 }; /* bytes of a file name, with its NUL (NAME_MAX) */

/*
 * Opens a file for reading and describes what was opened, by fstat(2) of the descriptor. Follows symbolic
 * links and does not block on a FIFO. Returns the descriptor, close-on-exec, or -1 with errno.
 */
int file_open(const char *path, struct file_facts *facts);

/*
 * Describes what is at `path`, or, if `follow`, what a symbolic link there leads to. Returns 0, or an errno.
 */
int file_look(const char *path, bool follow, struct file_facts *facts);

/* A number that differs for two files, and for one before and after a change. Never 0. */
uint64_t file_state(const struct file_facts *facts);

/* Describes an open file. Returns 0, or an errno. */
int file_facts_of(int descriptor, struct file_facts *facts);

/*
 * Returns 0 if `path` is a folder, otherwise an errno (ENOTDIR: something else). Opens nothing for reading.
 */
int folder_error(const char *path);

/* Finds the owner of the file or folder at `path`, which need not be readable. Returns 0, or an errno. */
int file_owner(const char *path, uint32_t *owner);

/*
 * Whether a private key in a file with this st_mode is one: only its owner and group may read it, and only
 * its owner may write to it.
 */
static inline bool file_is_private(uint32_t mode)
{
    return (mode & 0027) == 0; /* S_IRWXO | S_IWGRP */
}

void file_close(int descriptor);
/*
 * read(2), restarted if a signal interrupts it. Returns the number of bytes, 0 at the end, or -1 with errno.
 */
ssize_t file_read_some(int descriptor, void *buffer, size_t size);

/* Calls `each` for the names in the open folder, unsorted, until it returns false. Returns 0, or an errno. */
int folder_read(int descriptor, bool (*each)(void *context, const char *name), void *context);

/*
 * Reads the whole file into a mapping of its own: `*text` of `*length` bytes, to be released with
 * file_unmap(). Returns 0, or an errno; EFBIG if the file exceeds `limit`. Does not close the descriptor.
 */
int file_read(int descriptor, size_t limit, char **text, size_t *length);
void file_unmap(char *text, size_t length);

/* Describes an errno, without locale or malloc; never NULL. */
const char *errno_words(int error);

#endif
