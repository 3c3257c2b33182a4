/* What the library shows to the program: all else is hidden (-fvisibility=hidden, libretrotls.map). */
#ifndef RETROTLS_PRELOAD_EXPORT_H
#define RETROTLS_PRELOAD_EXPORT_H

#define EXPORTED __attribute__((visibility("default")))

#endif
