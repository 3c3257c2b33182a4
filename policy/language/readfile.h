/* Files as the policy reads them: whole, bounded, and nothing trusted that was not asked of the descriptor.
 */
#ifndef RETROTLS_POLICY_LANGUAGE_READFILE_H
#define RETROTLS_POLICY_LANGUAGE_READFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_facts {
    uint64_t device, inode;
    uint32_t owner, mode; /* st_uid, st_mode */
    uint32_t links;       /* st_nlink; 1 before Linux 4.11 */
};

enum { FOLDER_ENTRY_LIMIT = 256 }; /* bytes of a name in a folder, with its NUL (NAME_MAX) */

/*
 * Opens for reading (a symbolic link is followed, a FIFO does not block) and says what was opened, by fstat
 * of the descriptor itself. Returns the descriptor, close-on-exec, or -1 with errno.
 */
int file_open(const char *path, struct file_facts *facts);

/* What is at `path`; of a symbolic link, what it leads to where `follow` is set. 0, or an errno. */
int file_look(const char *path, bool follow, struct file_facts *facts);

/* What is open. 0, or an errno. */
int file_facts_of(int descriptor, struct file_facts *facts);

/* 0 where `path` is a folder, else an errno (ENOTDIR: something else). Opens nothing for reading. */
int folder_error(const char *path);

/* Whose the file or folder at `path` is, which need not be readable. 0, or an errno. */
int file_owner(const char *path, uint32_t *owner);

void file_close(int descriptor);
/* read(2), begun again where a signal interrupts it. Returns the bytes, 0 at the end, or -1 with errno. */
ssize_t file_read_some(int descriptor, void *buffer, size_t size);

/*
 * Calls `each` for every name in the open folder, as the kernel has them in order; ends where it returns
 * false. Returns 0, or an errno.
 */
int folder_read(int descriptor, bool (*each)(void *context, const char *name), void *context);

/*
 * All of the file in a mapping of its own, that unmap_file() gives back: `*text` of `*length` bytes. Returns
 * 0, or an errno; EFBIG: longer than `limit`. Closes nothing.
 */
int file_read(int descriptor, size_t limit, char **text, size_t *length);
void file_unmap(char *text, size_t length);

/* Words for an errno, without locale or malloc; never NULL. */
const char *errno_words(int error);

#endif
