/*
 * The file that `log` in a policy names, where the library itself writes to it: by the rules of the relay's
 * monitor (monitor/log_file.h).
 */
#ifndef RETROTLS_PRELOAD_LOG_PATH_H
#define RETROTLS_PRELOAD_LOG_PATH_H

/*
 * Opens the absolute path for appending, and makes the file where it is not there (mode 0600). A symbolic
 * link among its folders is followed only where it is root's or the effective user's; its last part must be
 * none. The file must be regular, have that one name, and be root's or the user's: elsewhere somebody else
 * could have a line written into any file of the user's, or read it. -1 where there is no such file.
 */
int log_path_open(const char *path);

#endif
