/*
 * The heap: one for all threads, and what OpenSSL gives back to it is wiped.
 */
#ifndef RETROTLS_RELAY_MEMORY_H
#define RETROTLS_RELAY_MEMORY_H

/* To be called first of all, before there is a thread and before anything of OpenSSL's. */
void memory_prepare(void);

#endif
