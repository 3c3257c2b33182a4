/*
 * Programs that only start another one, and lose the library on the way: `retrotls sudo fetchmail` would be a
 * fetchmail that speaks plaintext.
 */
#ifndef RETROTLS_COMMAND_REACH_WRAPPER_H
#define RETROTLS_COMMAND_REACH_WRAPPER_H

enum { WRAPPER_WORDS = 512 };

/*
 * Why the library would not reach what `argv` starts, in a sentence or two that say what to do, written to
 * `words`; or NULL, where argv[0] is no such program known here.
 */
const char *wrapper_fault(char *const argv[], char words[WRAPPER_WORDS]);

#endif
