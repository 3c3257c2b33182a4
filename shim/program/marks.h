/*
 * The marks that some compilers leave in programs. Such programs make system calls themselves, whatever they
 * link, so a library that replaces libc's connect() does not see their calls.
 */
#ifndef RETROTLS_PROGRAM_MARKS_H
#define RETROTLS_PROGRAM_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks for Go's build ID in a segment of notes. */
bool marks_of_go_in_notes(const uint8_t *bytes, size_t size);
/*
 * Looks for the header of Go's build information (debug/buildinfo) near the start of the first writable
 * segment.
 */
bool marks_of_go_in_data(const uint8_t *bytes, size_t size);
/*
 * Looks at one end of the writable data for the mark that Free Pascal links into each program (".fpcdata"):
 * "FPC 3.2.2 [2021/05/16] for x86_64 - Linux". Its runtime, including the unit Sockets, does not use libc.
 */
bool marks_of_free_pascal(const uint8_t *bytes, size_t size);

#endif
