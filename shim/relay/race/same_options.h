/* The options that a program may have set on its first TCP socket while that was connecting. */
#ifndef RETROTLS_RELAY_RACE_SAME_OPTIONS_H
#define RETROTLS_RELAY_RACE_SAME_OPTIONS_H

/*
 * Gives the socket `to` those options of `from` in which they differ. The library has made both sockets
 * alike, so that is what the program has set since. Options that take other rights than the relay's stay as
 * they are.
 */
void same_options(int from, int to);

#endif
