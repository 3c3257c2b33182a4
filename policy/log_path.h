/*
 * The file that `log` names. A server chooses part of what a line says, so nobody else may be able to lead
 * our lines into another file of the user's, or to read them (CVE-2016-1247).
 */
#ifndef RETROTLS_POLICY_LOG_PATH_H
#define RETROTLS_POLICY_LOG_PATH_H

#include <stdint.h>

/*
 * Opens the absolute path for appending, and creates the file if necessary (mode 0600). Follows a symbolic
 * link on the way only if it belongs to root or to `user`; the last component must not be one. The file must
 * be regular, have only that one name, and belong to root or to `user`. Does not wait for the reader of a
 * FIFO. Returns the descriptor, close-on-exec, or -1 with errno.
 */
int log_path_open(const char *path, uint32_t user);

#endif
