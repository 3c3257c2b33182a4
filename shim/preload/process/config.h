/*
 * The configuration of this process: the policy, the place of the log, the program's path. We read the
 * environment once, when the library is loaded, because programs overwrite it. We read the program's path
 * then too, because it changes when the file is replaced, and is not available after chroot(2). We read
 * nothing else before the first connect() of a TCP socket.
 */
#ifndef RETROTLS_PRELOAD_PROCESS_CONFIG_H
#define RETROTLS_PRELOAD_PROCESS_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/protocols.h"

struct policy;

extern _Atomic(const uint8_t *) config_guarded_ports; /* policy_guarded_ports() of the loaded policy */

/* For the constructor. Called again, it does nothing. */
void config_start(void);

/*
 * The policy, loaded at the first call. Keeps errno. Looks at its files
 * once a second at most; if they have changed, are in order and nobody is writing them, the new policy is in
 * force. What it returned before stays valid. NULL with errno set if it cannot be loaded now (EMFILE,
 * ENFILE, ...): then no connection may be made, and the next call tries again. The same happens in a function
 * of .preinit_array, which runs before libc has the environment that may name the policy.
 */
const struct policy *config_policy(void);

/*
 * True if a policy is loaded and cannot guard a connection to `port`. False may be wrong, and is for the
 * usual ports, because a new policy may be about these. For other ports we make no system call that the
 * program did not make: a sandbox of its own may kill it for that (seccomp(2)).
 */
static inline bool config_leaves_alone(uint16_t port)
{
    const uint8_t *const guarded = atomic_load_explicit(&config_guarded_ports, memory_order_acquire);

    return guarded && (guarded[port / 8] & 1U << port % 8) == 0 && port_protocol(port) == PROTOCOL_AUTO;
}

/* True if it does not depend on who the process's user is which files make up the policy. */
bool config_policy_is_settled(void);

/*
 * Remembers the names of all users, if the policy asks for any: /etc/passwd may be about to go out of reach.
 * Signals must be blocked.
 */
void config_keep_users(const struct policy *policy);

/* The program has another root directory: from now on the policy stays as it is. */
void config_stop_looking(void);

/* RETROTLS_POLICY as an absolute path, or NULL. */
const char *config_policy_file(void);
/* RETROTLS_LOG ("syslog", "stderr", "none" or an absolute path), or NULL. */
const char *config_log(void);
/* RETROTLS_SUPERVISED is set: a supervisor serves this program too. */
bool config_is_supervised(void);
/* RETROTLS_SANDBOX=off, for debugging: relays are not sandboxed. Always false under AT_SECURE. */
bool config_sandbox_is_off(void);
/* Path of the executable; "" if we cannot know it. Keeps errno. */
const char *config_program(void);
/*
 * Login name of `uid` in /etc/passwd, written to `name` of `size` bytes; NULL if there is none. Signals must
 * be blocked.
 */
const char *config_user(uint32_t uid, char *name, size_t size);

#endif
