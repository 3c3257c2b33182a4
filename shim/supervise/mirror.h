/*
 * A copy of one of the program's sockets in our own thread. The thread has a descriptor table of its own
 * (unshare(2), CLONE_FILES). It holds all descriptors of that socket and all epoll sets, under the same
 * numbers as in the program. So the library's code can switch the descriptors as if it ran in the program
 * (switch.h). This works for epoll too, because a registration's key is the open file and the number, and
 * both are the same as in the program. Then mirror_install() has the kernel make the same change to the
 * program's descriptors.
 */
#ifndef RETROTLS_SUPERVISE_MIRROR_H
#define RETROTLS_SUPERVISE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor/switch.h"
#include "supervise/client.h"
#include "supervise/notification.h"

struct mirror {
    int listener;                     /* its number in this thread, above the program's numbers */
    int number[SWITCH_NUMBERS_LIMIT]; /* that of the call comes first */
    int flags[SWITCH_NUMBERS_LIMIT];  /* O_CLOEXEC or 0 */
    size_t numbers;
    uint64_t cookie; /* of the socket that these numbers now have in the program */
};

/*
 * Makes the mirror. The calling thread must have a descriptor table of its own. `socket` is our descriptor
 * for the program's `number`. Closes everything else that the thread has open, except `listener` and the
 * client's pidfd. Those two get other numbers; mirror->listener is valid even on failure. The thread's
 * standard error becomes the program's, for the log. Returns false with errno set.
 */
bool mirror_make(struct mirror *mirror, struct client *client, int listener, int socket, int number);

/* True if the program's number[which] still refers to the socket with mirror->cookie. */
bool mirror_is_true(const struct mirror *mirror, const struct client *client, size_t which);

/*
 * If the thread's descriptors have been switched, switches the program's. Returns false with errno set if one
 * of them could not be switched: ENOENT if the call is over.
 */
bool mirror_install(struct mirror *mirror, const struct client *client, const struct notification *n);

#endif
