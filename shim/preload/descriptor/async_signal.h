/* O_ASYNC (fcntl(2)) and a descriptor that has just been switched. */
#ifndef RETROTLS_PRELOAD_DESCRIPTOR_ASYNC_SIGNAL_H
#define RETROTLS_PRELOAD_DESCRIPTOR_ASYNC_SIGNAL_H

/*
 * The signals of `fd` are to tell this number, where F_SETSIG asks for it: the kernel tells the one by which
 * O_ASYNC was set (fs/fcntl.c, fasync_insert_entry()). Nothing is lost: what can be read or written by then
 * is signalled. Keeps errno.
 */
void async_signal_renumber(int fd);

/* No more signals of `fd`, by whatever number it was set. Keeps errno. */
void async_signal_stop(int fd);

#endif
