/* The files that the monitor opens for the worker: those that settings name, and the system's. */
#ifndef RETROTLS_MONITOR_FILES_NAMED_FILES_H
#define RETROTLS_MONITOR_FILES_NAMED_FILES_H

#include <stdint.h>

/* Those of settings.def, and the system's. */
enum named {
#define NAMED(KEY, member, tag, context, server) NAMED_##KEY,
#include "wire/settings.def"
    NAMED_BUNDLE, /* the system's single file of roots */
    NAMED_COUNT,
};

enum monitor_roots { ROOTS_CERTIFICATES, ROOTS_CRLS };

/* Shows whether a file has changed. All 0 if there is no such file, or the settings name none. */
struct file_state {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* seconds, nanoseconds */
};

/* Why a file cannot be had, beside errnos. */
enum {
    MONITOR_NOT_REGULAR = -1, /* not a regular file */
    MONITOR_TOO_LARGE = -2,
    MONITOR_HAS_PASSPHRASE = -3,
    MONITOR_NO_CERTIFICATE = -4,
    MONITOR_NO_KEY = -5,
    MONITOR_NO_BUNDLED = -6,  /* `ca-file bundled`: no roots are installed with the relay */
    MONITOR_NOT_TRUSTED = -7, /* `ca-file bundled`: somebody else may have written them */
    MONITOR_HANGS = -8,       /* its file system does not answer */
    MONITOR_EXPOSED = -9,     /* a client-key that others may read */
};

#endif
