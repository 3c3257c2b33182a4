/*
 * What is in force in this process: the policy, where the log goes, who the program is. The environment is
 * read once, when the library is loaded, for programs overwrite it, and so is the program's path, which
 * changes when its file is replaced and is not to be had after chroot(2); nothing else is read before the
 * first connect() of a TCP socket.
 */
#ifndef RETROTLS_PRELOAD_CONFIG_H
#define RETROTLS_PRELOAD_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;

extern _Atomic(const uint8_t *) config_guarded_ports; /* policy_guarded_ports() of the one that is loaded */

/* For the constructor. Called again, it does nothing. */
void config_start(void);

/*
 * The policy, loaded at the first call. Keeps errno; NULL with errno set where it cannot be loaded now
 * (EMFILE, ENFILE, ...): then no connection may be made, and the next call tries again. So it is in a
 * function of .preinit_array, which runs before libc has the environment that may name the policy.
 */
const struct policy *config_policy(void);

/*
 * Whether a policy is loaded, and no connection to `port` can be guarded by it. False may be wrong.
 */
static inline bool config_leaves_alone(uint16_t port)
{
    const uint8_t *const guarded = atomic_load_explicit(&config_guarded_ports, memory_order_acquire);

    return guarded && (guarded[port / 8] & 1U << port % 8) == 0;
}

/* RETROTLS_LOG ("syslog", "stderr", "none" or an absolute path), or NULL. */
const char *config_log(void);
/* RETROTLS_SANDBOX=off, for debugging: relays are not shut in. Never where the environment is the enemy's. */
bool config_sandbox_is_off(void);
/* Path of the executable; "" where it cannot be known. Keeps errno. */
const char *config_program(void);
/*
 * Login name of `uid` in /etc/passwd, written to `name` of `size` bytes; NULL where there is none. Signals
 * must be blocked.
 */
const char *config_user(uint32_t uid, char *name, size_t size);

#endif
