/*
 * For the test that takes the worker over: a relay that is never installed, which makes whatever system call
 * it is asked to, in the process that has the connections.
 */
#ifndef RETROTLS_TESTS_E2E_TAKEN_OVER_CALLS_H
#define RETROTLS_TESTS_E2E_TAKEN_OVER_CALLS_H

#include <stdbool.h>

/*
 * A request "TAKENOVR": the number of a system call, its six arguments, and bytes, which are where call
 * 0xffff says (64 bits each); call 0xfffe has it end no grant from then on. The answer: what it returned, or
 * -errno, and the bytes as they are then. False where it is none.
 */
bool taken_over_serve(int connection);

#endif
