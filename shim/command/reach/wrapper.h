/*
 * Programs that only start another one, and lose the library on the way: `retrotls sudo fetchmail` would run
 * a fetchmail that speaks plaintext.
 */
#ifndef RETROTLS_COMMAND_REACH_WRAPPER_H
#define RETROTLS_COMMAND_REACH_WRAPPER_H

enum { WRAPPER_WORDS = 512 };

/*
 * Explains in `words`, in a sentence or two with advice, why the library would not reach what `argv` starts.
 * Returns NULL if argv[0] is not a wrapper that we know to do this.
 */
const char *wrapper_fault(char *const argv[], char words[WRAPPER_WORDS]);

#endif
