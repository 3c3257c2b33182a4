/*
 * Who is asking: the calling thread, and the threads that it descends from by fork.
 *
 * A thread is known by a number of its own, which no thread of any process that shares the memory has. It is
 * kept in thread-local memory, of which a forked child gets a copy: a thread that finds another pid or tid
 * there than its own has been forked (or cloned) off, takes a new number, and keeps the old one as its
 * ancestor. So vfork(), _Fork() and clone(), which no pthread_atfork() handler sees, need no care of their
 * own. Neither pids nor tids would do alone, because the kernel gives them again; lineage_forked() is for
 * children that got a forebear's.
 */
#ifndef RETROTLS_PRELOAD_NAMES_LINEAGE_H
#define RETROTLS_PRELOAD_NAMES_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LINEAGE_LIMIT = 8 }; /* ancestors; of older ones a thread knows nothing, they are others to it */

struct lineage {
    pid_t pid, tid;
    uint64_t thread; /* 0: no thread yet */
    uint64_t last;   /* the time of this thread's last lookup: whoever does one keeps it up */
    uint32_t ancestors;
    struct ancestor {
        uint64_t thread;
        uint64_t upto;         /* the time of its last lookup before the fork */
    } ancestor[LINEAGE_LIMIT]; /* nearest first */
};

/* The calling thread's own. `number` gives a thread's number when one is needed. */
struct lineage *lineage_now(uint64_t (*number)(void));

/*
 * For the child of a fork(): it is none of those before it, though its pid may be, as where that process has
 * ended meanwhile, or where both are the first of their PID namespaces (pid_namespaces(7)).
 */
void lineage_forked(void);

/* What a thread begins with that was forked off `parent`. */
struct lineage lineage_child(const struct lineage *parent, uint64_t thread);

/* Whether what thread number `thread` did at `time` counts as done by `me`: itself, or its ancestor before
 * the fork. */
bool lineage_owns(const struct lineage *me, uint64_t thread, uint64_t time);

/* Whether thread number `thread` is one of those that `me` knows to descend from. */
bool lineage_descends(const struct lineage *me, uint64_t thread);

#endif
