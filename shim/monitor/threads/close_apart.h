/* Closes descriptors whose file system may hang. */
#ifndef RETROTLS_MONITOR_THREADS_CLOSE_APART_H
#define RETROTLS_MONITOR_THREADS_CLOSE_APART_H

/*
 * Closes `fd`, which a program may have written to. If it is a file, a thread closes it: close(2) writes back
 * cached data (NFS), and waits for the server. If there are too many such threads already, the file stays
 * open.
 */
void close_apart(int fd);

#endif
