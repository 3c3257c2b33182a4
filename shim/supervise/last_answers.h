/*
 * Remembers answers to connect(2) that the program may not have received. If a signal arrives at the same
 * moment, the answer is lost: either before we give it (ENOENT), or after the kernel has accepted it
 * (kernel/seccomp.c, seccomp_do_user_notification()). The program then makes the call again, and finds the
 * socket already connecting or connected. Without our memory, it would get EALREADY or EISCONN.
 *
 * Since Linux 5.19 no answer is lost, because the signal waits for it (filter_load_notifying()).
 */
#ifndef RETROTLS_SUPERVISE_LAST_ANSWERS_H
#define RETROTLS_SUPERVISE_LAST_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "supervise/call.h"

/*
 * Answers the call, and remembers the answer if it may get lost. `cookie` is the SO_COOKIE of the socket that
 * the program now has under the number. Returns false if the answer is certainly lost.
 */
bool last_answer_give(struct call *call, uint64_t cookie, int error);

/*
 * True if this call repeats one whose answer may have been lost: made soon after it, from the same place,
 * with the same arguments and address, for the same socket. Sets `*error` to that answer, and forgets it.
 */
bool last_answer_find(const struct call *call, uint64_t cookie, int *error);

#endif
