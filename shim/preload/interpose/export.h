/* What the library shows to the program: all else is hidden (-fvisibility=hidden, libretrotls.map). */
#ifndef RETROTLS_PRELOAD_INTERPOSE_EXPORT_H
#define RETROTLS_PRELOAD_INTERPOSE_EXPORT_H

/* Out of the way of the common path, whose few instructions then need no registers to be saved. */
#define APART __attribute__((noinline, cold))

/*
 * Beside the others of its kind: what is called in the midst of system calls finds no line of it in the
 * processor's caches, and pays for each.
 */
#define TOGETHER __attribute__((hot))

#define EXPORTED __attribute__((visibility("default")))

#endif
