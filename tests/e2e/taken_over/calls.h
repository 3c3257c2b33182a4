/*
 * For the test that takes over the worker: a relay, never installed, that makes any system call on request,
 * in the process that has the connections.
 */
#ifndef RETROTLS_TESTS_E2E_TAKEN_OVER_CALLS_H
#define RETROTLS_TESTS_E2E_TAKEN_OVER_CALLS_H

#include <stdbool.h>

/*
 * Serves a request "TAKENOVR": the number of a system call, its six arguments, and bytes. Special calls:
 * 0xffff returns the address of these bytes (64 bits); after 0xfffe the worker ends no more grants; 0xfffd
 * has it forge the next program's request that names a path (256 bytes), and put another path in its place;
 * 0xfffc returns what came of that: the monitor's error, and the file. The answer is the result, or -errno,
 * and the bytes after the call. Returns false if the message is not such a request.
 */
bool taken_over_serve(int connection);

#endif
