/* execveat(2) for every libc. */
#ifndef RETROTLS_PRELOAD_INTERPOSE_EXEC_H
#define RETROTLS_PRELOAD_INTERPOSE_EXEC_H

/* As execveat(2), and the program has what the library needs. musl has the call only by syscall(2). */
int exec_at(int folder, const char *path, char *const argv[], char *const envp[], int flags);

#endif
