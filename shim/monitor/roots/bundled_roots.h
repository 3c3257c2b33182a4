/*
 * The roots that lie beside the relay, as the archive of `make bundle` has them: for `ca-file bundled` alone.
 */
#ifndef RETROTLS_MONITOR_ROOTS_BUNDLED_ROOTS_H
#define RETROTLS_MONITOR_ROOTS_BUNDLED_ROOTS_H

/*
 * The file's path, never freed. NULL with `*error` where there is none (MONITOR_NO_BUNDLED) or somebody else
 * may have written it (MONITOR_NOT_TRUSTED): it is held to what the library holds the relay itself to
 * (policy/trust.h).
 */
const char *bundled_roots(int *error);

#endif
