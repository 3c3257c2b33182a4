/*
 * Some libc calls give `environ` to the child. While one of them runs, `environ` points to an environment
 * that has what the child would lack (child_environment.h).
 */
#ifndef RETROTLS_PRELOAD_CHILD_LENT_ENVIRONMENT_H
#define RETROTLS_PRELOAD_CHILD_LENT_ENVIRONMENT_H

enum lent_environment {
    LENT_NOTHING, /* `environ` lacks nothing */
    LENT,         /* lent_environment_return() is due */
    LENT_FAILED,  /* there is no memory: errno is ENOMEM, and no child may be started */
};

/*
 * Replaces `environ` if it lacks something. If the thread is cancelled before lent_environment_return(), or
 * another one adds a variable meanwhile, what was added stays there. What another thread changes or removes
 * meanwhile is afterwards changed or removed in the program's own environment as well. Keeps errno except
 * with LENT_FAILED.
 */
enum lent_environment lent_environment_take(void);
void lent_environment_return(enum lent_environment taken);

#endif
