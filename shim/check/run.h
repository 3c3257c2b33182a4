/*
 * One check in progress, as shared by attempts.c, which chooses the connection, and check.c, which
 * negotiates.
 */
#ifndef RETROTLS_CHECK_RUN_H
#define RETROTLS_CHECK_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "check/check.h"
#include "relay/negotiation.h"
#include "relay/protocol/plain.h"
#include "wire/wire.h"

/* The relay's transport, which also notes when we first write: by then we have read the greeting. */
struct noted {
    struct transport transport;
    ssize_t (*write)(struct transport *t, const void *buffer, size_t size);
    int64_t first_write;
};

/* The state of one negotiation. */
struct run {
    struct check *check;
    const struct check_question *question;
    struct guard_request request;
    int fd;
    char server[CLEAN_FIELD_LIMIT + 1];
    struct noted bare;
    enum protocol_kind protocol_shown; /* from the greeting, if a rule may depend on it */
    struct negotiation negotiation;
    int64_t since; /* when the present step began */
};

/* Records that the step which began at `since` (microseconds, check_now()) is over. */
void run_took(struct run *run, enum step_kind step, int64_t since);

/* From now on the connection is the one to the port for TLS from the first byte. */
void run_take_alternative(struct run *run);

/*
 * Finds the rule that applies, and connects `fd` to the first address that answers, as programs do. On
 * failure returns false and sets the check's verdict.
 */
bool run_connect(struct run *run);

#endif
