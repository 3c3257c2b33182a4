/*
 * The worker's side of what it asks of its monitor (monitor/messages.h). Where monitor_use() was never
 * called, as in unit tests and in retrotls-check, this very process answers.
 *
 * Any thread may ask; they take turns. A monitor that is gone, or whose words make no sense, is the end of
 * this process: it can open nothing by itself.
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

/* The end of the dialogue with the monitor, from now on. */
void monitor_use(int dialogue);

/* The files that a connection's policy names, as far as the monitor has told of them. */
struct files {
    struct grant_facts facts;
};

/* A message of the library's, and what came with it. */
struct taken_guard {
    _Alignas(8) uint8_t bytes[WIRE_MESSAGE_LIMIT];
    size_t length;
    int tcp, program, programs_end; /* the socket, the relay's end of the pair, the program's */
    struct files files;
};

/* Has the monitor take the WIRE_GUARD that lies on `connection`. 0 or an errno. */
int files_take_guard(int connection, struct taken_guard *taken);
/* Of settings that come from this process itself, not from a program. For retrotls-check and unit tests. */
void files_of_settings(struct files *files, const struct settings *settings);
/* They are needed no more. Does nothing where that was said already. */
void files_end(struct files *files);

/* Each: 0, an errno or one of MONITOR_... */
/* A file, open for reading. */
int files_open(const struct files *files, enum named which, int *fd);
/* The certificates or CRLs of the folder of roots under that hash: up to MONITOR_DESCRIPTORS of them. */
int files_roots(const struct files *files, enum monitor_roots kind, uint32_t hash,
                int fd[MONITOR_DESCRIPTORS], size_t *count);
/* The client's certificates, PEM; its public key, DER. */
int files_certificate(const struct files *files, uint8_t *text, size_t size, size_t *length);
int files_public_key(const struct files *files, uint8_t *der, size_t size, size_t *length);
int files_sign(uint32_t grant, const struct monitor_signing *how, const uint8_t *what, size_t length,
               uint8_t *signature, size_t size, size_t *used);
/* What to say to a person. */
const char *files_error(int error);

/* Binds the relay's end of a connection to TCP's outcome, an errno or 0. */
bool files_bind_outcome(const struct files *files, int end, int outcome);
/* Writes a line where the policy's `log` says. `last`: as files_end(). */
void files_log(struct files *files, bool warning, bool last, const char *line, size_t length);

/*
 * Has the monitor set or read the option that the program asks for on `connection`, by the program's rights.
 * 0 or an errno; `value` has room for WIRE_VALUE_LIMIT bytes.
 */
int monitor_option(int connection, int tcp, uint8_t *value, size_t size, size_t *length);
/* Of the monitor. */
pid_t monitor_parent(void);

#endif
