/* What the library shows to the program: all else is hidden (-fvisibility=hidden, libretrotls.map). */
#ifndef RETROTLS_PRELOAD_EXPORT_H
#define RETROTLS_PRELOAD_EXPORT_H

/* Out of the way of the common path, whose few instructions then need no registers to be saved. */
#define APART __attribute__((noinline, cold))

#define EXPORTED __attribute__((visibility("default")))

#endif
