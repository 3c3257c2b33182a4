/*
 * The worker's side of its dialogue with the monitor (monitor/messages.h). If monitor_use() was never called,
 * as in unit tests and in retrotls-check, this process answers itself.
 *
 * Any thread may ask; they take turns. If the monitor is gone or makes no sense, this process ends: it can
 * open nothing by itself.
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

/* Sets our end of the dialogue with the monitor. */
void monitor_use(int dialogue);

/* The files that a connection's policy names, as far as the monitor has described them. */
struct files {
    struct grant_facts facts;
};

/* A message from the library, and what came with it. */
struct taken_guard {
    _Alignas(8) uint8_t bytes[WIRE_MESSAGE_LIMIT];
    size_t length;
    int tcp, program, programs_end; /* the socket, the relay's end of the pair, the program's */
    struct files files;
};

/* Makes the monitor take the WIRE_GUARD that waits on `connection`. 0 or an errno. */
int files_take_guard(int connection, struct taken_guard *taken);
/*
 * The files of settings that come from this process itself, not from a program. For retrotls-check and unit
 * tests.
 */
void files_of_settings(struct files *files, const struct settings *settings);
/* Tells the monitor that the files are not needed any more. Does nothing the second time. */
void files_end(struct files *files);

/* Each returns 0, an errno or one of MONITOR_... */
/* Opens a file for reading. */
int files_open(const struct files *files, enum named which, int *fd);
/* Opens the certificates or CRLs with that hash in the folder of roots, up to MONITOR_DESCRIPTORS files. */
int files_roots(const struct files *files, enum monitor_roots kind, uint32_t hash,
                int fd[MONITOR_DESCRIPTORS], size_t *count);
/* Get the client's certificates (PEM) and its public key (DER). */
int files_certificate(const struct files *files, uint8_t *text, size_t size, size_t *length);
int files_public_key(const struct files *files, uint8_t *der, size_t size, size_t *length);
int files_sign(uint32_t grant, const struct monitor_signing *how, const uint8_t *what, size_t length,
               uint8_t *signature, size_t size, size_t *used);
/* An error in words for a person. */
const char *files_error(int error);

/* Binds the relay's end of a connection to TCP's outcome, an errno or 0. */
bool files_bind_outcome(const struct files *files, int end, int outcome);
/* Writes a line to where the policy's `log` says. `last`: also does what files_end() does. */
void files_log(struct files *files, bool warning, bool last, const char *line, size_t length);

/*
 * Makes the monitor set or read the option that the program asks for on `connection`, with the program's
 * rights. 0 or an errno; `value` has room for WIRE_VALUE_LIMIT bytes.
 */
int monitor_option(int connection, int tcp, uint8_t *value, size_t size, size_t *length);
/* The monitor's getppid(2). */
pid_t monitor_parent(void);

#endif
