/*
 * Files about the calling thread's process (proc(5)). /proc/self shows the first thread's: nothing once that
 * thread has ended by pthread_exit(3), and other descriptors if one of the threads has called
 * unshare(CLONE_FILES). /proc/thread-self (Linux 3.17) shows the calling thread's, but a sandbox (an AppArmor
 * profile, for example) may allow only /proc/PID.
 */
#ifndef RETROTLS_PRELOAD_SYS_PROC_H
#define RETROTLS_PRELOAD_SYS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* For descriptors: "fd", "fdinfo/7", "status". Tries the thread's files, then the first thread's. */
int proc_open(const char *name, int flags);
ssize_t proc_readlink(const char *name, char *buffer, size_t size);

/*
 * For what all threads share: "exe" and "maps". Opens or reads the first thread's or, with `thread`, the
 * calling thread's. qemu-user emulates only /proc/self.
 */
int proc_open_of(bool thread, const char *name, int flags);
ssize_t proc_readlink_of(bool thread, const char *name, char *buffer, size_t size);

#endif
