/*
 * What the worker asks of the monitor (monitor/messages.h). Without a call of monitor_use(), as in unit tests
 * and in retrotls-check, this process answers itself.
 *
 * Any thread may ask. If a file system hangs, only those who need the same file wait for each other; after
 * FILES_PATIENCE they get MONITOR_HANGS. If the monitor is gone or its answer makes no sense, this process
 * ends, because it cannot open anything itself.
 */
#ifndef RETROTLS_RELAY_SANDBOX_MONITOR_CLIENT_H
#define RETROTLS_RELAY_SANDBOX_MONITOR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/messages.h"
#include "wire/settings.h"
#include "wire/wire.h"

enum {
    FILES_PATIENCE = 10 * 1000, /* ms for a file: a disk may have to spin up first */
    LOG_PATIENCE = 2 * 1000,    /* ms for the log: then the line goes to syslog */
};

/* Sets our end of the first channel to the monitor. */
void monitor_use(int channel);

/* The files that a connection's policy names, as far as the monitor has described them. */
struct files {
    struct grant_facts facts;
};

/* A message from the library, and the descriptors that came with it. */
struct taken_guard {
    _Alignas(8) uint8_t bytes[WIRE_MESSAGE_LIMIT];
    size_t length;
    int tcp, program, programs_end; /* the socket, the relay's end of the pair, the program's */
    struct files files;
};

/* Has the monitor read the WIRE_GUARD request that is unread on `connection`. Returns 0 or an errno. */
int files_take_guard(int connection, struct taken_guard *taken);
/*
 * The files that settings of this process itself name, not those of a program. For retrotls-check and unit
 * tests.
 */
void files_of_settings(struct files *files, const struct settings *settings);
/* Tells the monitor that the files are no longer needed. Calling it again does nothing. */
void files_end(struct files *files);

/* Each returns 0, an errno or one of MONITOR_... */
/* Reads the state of a file into the facts, unless it is there already. */
int files_learn(struct files *files, enum named which);
/* Opens a file for reading. The monitor has already read it once, so reading should not hang any more. */
int files_open(const struct files *files, enum named which, int *fd);
/* Opens the certificates or CRLs with that hash in the folder of roots, up to MONITOR_DESCRIPTORS files. */
int files_roots(const struct files *files, enum monitor_roots kind, uint32_t hash,
                int fd[MONITOR_DESCRIPTORS], size_t *count);
/* Get the client's certificates (PEM) and its public key (DER). */
int files_certificate(const struct files *files, uint8_t *text, size_t size, size_t *length);
int files_public_key(const struct files *files, uint8_t *der, size_t size, size_t *length);
int files_sign(uint32_t grant, const struct monitor_signing *how, const uint8_t *what, size_t length,
               uint8_t *signature, size_t size, size_t *used);
/* Describes an error for a person. */
const char *files_error(int error);

/*
 * Begins to connect the socket for the alternative (struct guard_request), and gives it to the caller in
 * `*tcp`, nonblocking. Only once for each connection. Returns 0, an errno of connect(2), or EPERM if there is
 * none.
 */
int files_connect_alternative(const struct files *files, int *tcp);
/* Binds the relay's end of a connection to TCP's outcome, an errno or 0. */
bool files_bind_outcome(const struct files *files, int end, int outcome);
/*
 * Writes a line to where the policy's `log` says. `how`: LINE_WARNS; LINE_IS_LAST, which also does what
 * files_end() does; LINE_UNANSWERED, to return before the line is written. Nothing can stop that line any
 * more, not even the end of this process. Use it for lines that need no file.
 */
void files_log(struct files *files, unsigned how, const char *line, size_t length);

/*
 * Has the monitor set or read the option that the program asks for on `connection`, with the program's
 * rights. Returns 0 or an errno. `value` has room for WIRE_VALUE_LIMIT bytes.
 */
int monitor_option(int connection, int tcp, uint8_t *value, size_t size, size_t *length);
/* The monitor's getppid(2). */
pid_t monitor_parent(void);

#endif
