/*
 * The log where the machine has no system logger, as in most containers: a file of each user's own that goes
 * with the next boot. The library and the relay append to it, and the command reads it, so all three work
 * out its name from nothing but the user's number.
 */
#ifndef RETROTLS_POLICY_RUNTIME_LOG_H
#define RETROTLS_POLICY_RUNTIME_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RUNTIME_LOG_PLACES = 2,
    RUNTIME_LOG_PATH = 48,                /* bytes of a path, with its NUL */
    RUNTIME_LOG_ROTATED = 1024 * 1024,    /* bytes from which the next relay begins a new file */
    RUNTIME_LOG_LIMIT = 16 * 1024 * 1024, /* bytes from which lines are dropped */
};

/* The previous file has this after its name. */
#define RUNTIME_LOG_OLD ".old"

/* True if /dev/log is a socket. It may still refuse our lines. */
bool system_logger_is_there(void);

/*
 * Writes the path of the file in place number `place`, below RUNTIME_LOG_PLACES, in the order in which they
 * are tried: the runtime folder (XDG_RUNTIME_DIR as pam_systemd(8) makes it; /run for root), then /tmp.
 */
void runtime_log_path(char path[RUNTIME_LOG_PATH], unsigned place, uint32_t user);

/*
 * Opens the user's file for appending as log_path_open() does, in the first place where that is possible.
 * Returns the descriptor, close-on-exec, or -1 with errno; EFBIG if the file has reached RUNTIME_LOG_LIMIT.
 */
int runtime_log_open(uint32_t user);

#endif
