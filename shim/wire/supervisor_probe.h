/*
 * How a process finds out whether a supervisor of ours serves it: getsockopt(2) with these arguments
 * succeeds. The kernel and any other supervisor answer with EBADF.
 */
#ifndef RETROTLS_WIRE_SUPERVISOR_PROBE_H
#define RETROTLS_WIRE_SUPERVISOR_PROBE_H

enum { PROBE_NUMBER = -1, PROBE_LEVEL = 0x72747473, PROBE_NAME = 1 };

#endif
