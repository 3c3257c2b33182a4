/*
 * Opens the file that `log` in a policy names, when the library itself writes to it. The rules are those of
 * the relay's monitor (monitor/log_file.h).
 */
#ifndef RETROTLS_PRELOAD_LOG_PATH_H
#define RETROTLS_PRELOAD_LOG_PATH_H

/*
 * Opens the absolute path for appending, and creates the file if it does not exist (mode 0600). A symbolic
 * link among its folders is followed only if root or the effective user owns it; the last part must not be a
 * link. The file must be regular, have only this name, and belong to root or the effective user. Otherwise
 * somebody else could have a line written into any file of the user, or read the log. Returns -1 if there is
 * no such file.
 */
int log_path_open(const char *path);

#endif
