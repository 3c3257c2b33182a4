/*
 * Where this process's memories of names lie (name_memory.h), and how a process that gives up rights gets a
 * memory apart from those that keep them.
 *
 * A program that has nothing to give up (no capability) has one memory, which its forked children share. Any
 * other maps its memory twice: once for writing, once for reading. We map the second one in such a way that
 * the kernel never lets anybody make it writable, not even by mprotect(2) or /proc/self/mem. That takes a
 * memfd_create(2) (Linux 3.17), sealed (F_SEAL_FUTURE_WRITE, Linux 5.1) or opened again for reading. When the
 * process gives up rights, it replaces the first mapping with a new memory.
 *
 * If the kernel allows only the first mapping, a process that parts from it no longer sees what it and others
 * have asked for: it is blind, and its names count as lost.
 *
 * All functions keep errno and may be called from a signal handler.
 */
#ifndef RETROTLS_PRELOAD_NAMES_NAME_MAPPING_H
#define RETROTLS_PRELOAD_NAMES_NAME_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/names/name_layout.h"

enum { NAME_PARTINGS = 8 /* more would leave the process blind: each adds a memory to read */ };

/* The memories as one call uses them. It points into itself, so it must not be copied. */
struct name_view {
    struct name_memory memory; /* this process's own; it leads to the others */
    struct name_memory above[NAME_PARTINGS], heard;
    uint32_t partings;
};

/* Makes the first memory if necessary. False if there is none. */
bool name_mapping_start(struct name_view *view);
bool name_mapping_view(struct name_view *view);

/* True if the process has not parted since then, so that what it wrote is where it belongs. */
bool name_mapping_stands(const struct name_view *view);

/*
 * Gives the calling process a memory of its own. Its children from now on share it. Does nothing if the
 * program had nothing to give up when it began, or in the child of a vfork(2), whose memory is its parent's:
 * it executes another program soon.
 */
void name_mapping_part(void);

/*
 * The same, if the process has given up a user since it began or last parted, by a system call that we did
 * not see. One system call (getresuid(2)) if name_mapping_part() would do something, otherwise none.
 */
void name_mapping_notice(void);

/* Called in the child of fork(2), which is not one of vfork(2). */
void name_mapping_forked(void);

/* Whether name_mapping_part() would do something. */
bool name_mapping_may_part(void);

#endif
