/* O_ASYNC (fcntl(2)) on a descriptor that has just been switched. */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_ASYNC_SIGNAL_H
#define RETROTLS_PRELOAD_DESCRIPTOR_ASYNC_SIGNAL_H

/*
 * Makes the signals of `fd` name this number, if F_SETSIG asks for a number: the kernel names the one with
 * which O_ASYNC was set (fs/fcntl.c, fasync_insert_entry()). No signal is lost: if `fd` can be read or
 * written by then, that is signalled. Keeps errno.
 */
void async_signal_renumber(int fd);

/* Stops the signals of `fd`, whichever number O_ASYNC was set with. Keeps errno. */
void async_signal_stop(int fd);

#endif
