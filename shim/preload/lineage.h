/*
 * Who is asking: the calling thread, and the threads that it descends from by fork.
 *
 * A thread is known by a number of its own, kept in thread-local memory, which a forked child gets a copy of:
 * a thread that finds another pid or tid there than its own has been forked (or cloned) off, takes a new
 * number, and keeps the old one as its ancestor. So vfork(), _Fork() and clone(), which no pthread_atfork()
 * handler sees, need no care of their own. Neither pids nor tids would do alone, as they come again.
 */
#ifndef RETROTLS_PRELOAD_LINEAGE_H
#define RETROTLS_PRELOAD_LINEAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "preload/name_table.h"

enum { LINEAGE_LIMIT = 8 }; /* ancestors; of older ones a thread knows nothing, they are others to it */

struct lineage {
    pid_t pid, tid;
    uint64_t thread, process;
    uint64_t last; /* the stamp of this thread's last lookup: to be kept up by whoever does one */
    uint32_t ancestors;
    struct ancestor {
        uint64_t thread;
        uint64_t upto;         /* the stamp of its last lookup before the fork */
    } ancestor[LINEAGE_LIMIT]; /* nearest first */
};

/* The calling thread's own. The name table must be there. */
struct lineage *lineage_now(void);

/* A thread's number for a lookup that no thread made: the same for the same name, and no thread has it. */
uint64_t lineage_of_name(const char *name);

enum ownership {
    LINEAGE_FOREIGN,
    LINEAGE_OWN,       /* its own, or its ancestor's before the fork */
    LINEAGE_UNCERTAIN, /* its ancestor's before the fork and again after it: it may have been the latest */
};

/* Whose the entry is, as seen from `me`. */
enum ownership lineage_owns(const struct lineage *me, const struct name_seen *seen);

#endif
