/*
 * Who is asking: the calling thread, and the threads that it descends from by fork.
 *
 * Each thread has a number that no other thread has in any process that shares the memory. It is kept in
 * thread-local memory, which a forked child gets a copy of. A thread that finds another pid or tid there than
 * its own has been forked (or cloned) off: it takes a new number and keeps the old one as its ancestor. So we
 * need no special care for vfork(), _Fork() and clone(), which pthread_atfork() handlers do not see. Pids and
 * tids alone would not do, because the kernel reuses them; lineage_forked() is for a child that got an
 * ancestor's pid.
 */
#ifndef RETROTLS_PRELOAD_NAMES_LINEAGE_H
#define RETROTLS_PRELOAD_NAMES_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LINEAGE_LIMIT = 8 }; /* ancestors; a thread does not know older ones, and takes them for strangers */

struct lineage {
    pid_t pid, tid;
    uint64_t thread; /* 0: no thread yet */
    uint64_t last;   /* time of this thread's last lookup, which updates it */
    uint32_t ancestors;
    struct ancestor {
        uint64_t thread;
        uint64_t upto;         /* time of its last lookup before the fork */
    } ancestor[LINEAGE_LIMIT]; /* nearest first */
};

/* The calling thread's lineage. Calls `number` when it needs a new thread number. */
struct lineage *lineage_now(uint64_t (*number)(void));

/*
 * Called in the child of fork(). The child is a new process even if it has the pid of an earlier one, which
 * may have ended since; or both may be the first of their PID namespaces (pid_namespaces(7)).
 */
void lineage_forked(void);

/* The lineage that a thread forked off `parent` begins with. */
struct lineage lineage_child(const struct lineage *parent, uint64_t thread);

/*
 * Whether a lookup of thread number `thread` at `time` counts as made by `me`: its own, or an ancestor's
 * before the fork.
 */
bool lineage_owns(const struct lineage *me, uint64_t thread, uint64_t time);

/* Whether thread number `thread` is one of the ancestors that `me` knows. */
bool lineage_descends(const struct lineage *me, uint64_t thread);

#endif
