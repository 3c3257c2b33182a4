/*
 * The files that tell of the calling thread's process (proc(5)). /proc/self shows the first thread's: nothing
 * once that one has ended by pthread_exit(3), and other descriptors where one of them has called
 * unshare(CLONE_FILES). /proc/thread-self (Linux 3.17) shows the calling one's; but a sandbox, a profile of
 * AppArmor's say, may know /proc/PID alone.
 */
#ifndef RETROTLS_PRELOAD_SYS_PROC_H
#define RETROTLS_PRELOAD_SYS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* What descriptors are: "fd", "fdinfo/7", "status"; the thread's, else the first thread's. */
int proc_open(const char *name, int flags);
ssize_t proc_readlink(const char *name, char *buffer, size_t size);

/*
 * What all threads have in common, "exe" and "maps": as open and readlink of the first thread's, or with
 * `thread` the calling one's. qemu-user makes up /proc/self alone.
 */
int proc_open_of(bool thread, const char *name, int flags);
ssize_t proc_readlink_of(bool thread, const char *name, char *buffer, size_t size);

#endif
