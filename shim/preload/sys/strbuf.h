/*
 * Text put together in a buffer, with no stdio: for names of sockets and lines of the log.
 */
#ifndef RETROTLS_PRELOAD_SYS_STRBUF_H
#define RETROTLS_PRELOAD_SYS_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
    char *out;
    size_t size, used; /* `used` does not count the NUL, which always stands */
    bool cut;          /* something did not fit */
};

/* Starts an empty text in `out` of `size` bytes, at least 1. */
void words_start(struct words *w, char *out, size_t size);
void words_byte(struct words *w, char byte);
void words_add(struct words *w, const char *text);
void words_number(struct words *w, uint64_t number);
/* `bytes` in lower-case hex, two digits each. */
void words_hex_bytes(struct words *w, const void *bytes, size_t count);
/* A number in lower-case hex, with no leading zeros. */
void words_hex(struct words *w, uint64_t number);
/* The usual English text of an errno (strerror(3) may read a catalogue and allocate). */
void words_error(struct words *w, int error);
/* What a person may do about it, where the library could not get something; or NULL. */
const char *words_remedy(int error);

/*
 * Reads what words_hex_bytes() wrote: exactly `count` bytes, lower case. Returns the place after it, or NULL
 * where `from` (up to `end`) holds something else.
 */
const char *words_read_hex_bytes(const char *from, const char *end, void *bytes, size_t count);
/* Reads what words_hex() wrote, of at most 16 digits, likewise. */
const char *words_read_hex(const char *from, const char *end, uint64_t *number);

#endif
