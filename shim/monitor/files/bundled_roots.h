/*
 * The roots installed in the relay's folder, as in the archive of `make bundle`: only for `ca-file bundled`.
 */
#ifndef RETROTLS_MONITOR_FILES_BUNDLED_ROOTS_H
#define RETROTLS_MONITOR_FILES_BUNDLED_ROOTS_H

/*
 * Returns the file's path, which is never freed. Returns NULL with `*error` if there is no file
 * (MONITOR_NO_BUNDLED) or somebody else may have written it (MONITOR_NOT_TRUSTED). The file must pass the
 * same checks as those that the library makes on the relay itself (policy/trust.h).
 */
const char *bundled_roots(int *error);

#endif
