/*
 * The program behind a notification: its memory, its descriptors and its identity. To read them, we need the
 * right to trace it (ptrace(2), "Ptrace access mode checking"). Check afterwards that the notification is
 * still valid: otherwise, what we read may be from another process.
 */
#ifndef RETROTLS_SUPERVISE_CLIENT_H
#define RETROTLS_SUPERVISE_CLIENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client {
    pid_t tid, pid; /* the thread and its process */
    int pidfd;
    bool whole; /* the pidfd is the process's, not the thread's (before Linux 6.9) */
};

/* False with errno set. Call client_close() in any case. */
bool client_open(struct client *client, pid_t tid);
void client_close(struct client *client);

/*
 * Returns a new close-on-exec descriptor of ours for the open file behind the thread's `number`. Returns -1
 * with errno set: EXDEV if we cannot get it because the thread has a descriptor table of its own.
 */
int client_descriptor(const struct client *client, int number);

/*
 * Copies all `size` bytes, or returns false with errno set: EFAULT if they are not mapped, EPERM if we may
 * not read them.
 */
bool client_read(const struct client *client, void *to, uint64_t from, size_t size);
bool client_write(const struct client *client, uint64_t to, const void *from, size_t size);

/* The effective user; false if /proc does not say. */
bool client_user(const struct client *client, uint32_t *uid);
/* True if a signal is waiting for the thread to handle it, or to stop or kill it. */
bool client_has_signal(const struct client *client);
/* The path of the executable; "" if /proc does not say. */
void client_program(const struct client *client, char path[PATH_MAX]);

#endif
