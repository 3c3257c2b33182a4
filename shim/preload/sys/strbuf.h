/* Builds text in a buffer, without stdio: for names of sockets and lines of the log. */
#ifndef RETROTLS_PRELOAD_SYS_STRBUF_H
#define RETROTLS_PRELOAD_SYS_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *out;
    size_t size, used; /* `used` does not count the NUL, which is always there */
    bool cut;          /* something did not fit */
};

/* Starts an empty text in `out` of `size` bytes, at least 1. */
void strbuf_start(struct strbuf *w, char *out, size_t size);
void strbuf_byte(struct strbuf *w, char byte);
void strbuf_add(struct strbuf *w, const char *text);
void strbuf_number(struct strbuf *w, uint64_t number);
/* `bytes` in lower-case hex, two digits each. */
void strbuf_hex_bytes(struct strbuf *w, const void *bytes, size_t count);
/* A number in lower-case hex, with no leading zeros. */
void strbuf_hex(struct strbuf *w, uint64_t number);
/* The usual English text of an errno (strerror(3) may read a catalogue and allocate). */
void strbuf_error(struct strbuf *w, int error);
/* What a person can do about the error when the library could not get something; or NULL. */
const char *strbuf_remedy(int error);

/*
 * Reads what strbuf_hex_bytes() wrote: exactly `count` bytes, lower case. Returns where it stopped, or NULL
 * if `from` (up to `end`) holds something else.
 */
const char *strbuf_read_hex_bytes(const char *from, const char *end, void *bytes, size_t count);
/* Reads what strbuf_hex() wrote, at most 16 digits. Returns as strbuf_read_hex_bytes() does. */
const char *strbuf_read_hex(const char *from, const char *end, uint64_t *number);

#endif
