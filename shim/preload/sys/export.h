/* What the library exports to the program: calls.def. All else is hidden. */
#ifndef RETROTLS_PRELOAD_SYS_EXPORT_H
#define RETROTLS_PRELOAD_SYS_EXPORT_H

/* Keeps a function out of the common path, whose few instructions then need no registers saved. */
#define APART __attribute__((noinline, cold))

/*
 * Places a function next to others of its kind. Code that is called between system calls finds none of its
 * lines in the processor's caches, and pays for each.
 */
#define TOGETHER __attribute__((hot))

/* For what a sanitizer's runtime calls before it is ready to serve code that is built for it. */
#define UNSANITIZED __attribute__((no_sanitize_address, no_sanitize_thread))

#define EXPORTED __attribute__((visibility("default")))

#endif
