/*
 * The heap: one for all threads, and what OpenSSL gives back to it is wiped.
 */
#ifndef RETROTLS_RELAY_MEMORY_H
#define RETROTLS_RELAY_MEMORY_H

/* To be called first of all, before there is a thread and before anything of OpenSSL's. */
void memory_prepare(void);

/* Bytes of OpenSSL's read buffer that a thread reads into at once. A thread has one such buffer at a time. */
enum { MEMORY_READ_BUFFER = 4 * 16413 + 12 }; /* four records of any version, and the head of a fifth */

/* What came from the server was written into that buffer, up to `end`: no more of it need be wiped. */
void memory_received(const void *end);

#endif
