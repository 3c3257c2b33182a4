/*
 * Programs that only start another one, but without the library: `retrotls sudo fetchmail` would run a
 * fetchmail that speaks plaintext.
 */
#ifndef RETROTLS_COMMAND_REACH_WRAPPER_H
#define RETROTLS_COMMAND_REACH_WRAPPER_H

#include <stdbool.h>

enum { WRAPPER_WORDS = 512 };

/*
 * Returns NULL if argv[0] is not such a program, as far as we know. Otherwise explains in `words`, in a
 * sentence or two with advice, why the library would not reach what `argv` starts; or, if `supervised`, why a
 * supervisor would not guard it.
 */
const char *wrapper_fault(char *const argv[], bool supervised, char words[WRAPPER_WORDS]);

#endif
