/*
 * The relay's end of the socket pair: what the program writes is read here, what it reads is written here.
 *
 * A UNIX stream socket that closes with unread bytes in its queue resets its peer: the peer reads what was
 * sent, then ECONNRESET (unix(7), unix_release_sock() in the kernel). So one byte that was already passed on
 * always stays unread in this end, and the program can tell a cut connection (a crash, a kill, a truncation
 * by the server) from an end in order, for which end_finish() takes that byte away first.
 *
 * Never blocks; never changes the socket's flags.
 */
#ifndef RETROTLS_RELAY_END_H
#define RETROTLS_RELAY_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { END_UNSETTLED = 2 };

struct end {
    int fd;
    bool keeps;  /* one byte stays unread */
    bool bulk;   /* the last read was large, the next one probably is */
    size_t owed; /* bytes that were looked at, and of which all but the last are still to be consumed */
};

/*
 * Takes the end `fd` over: of the `filler` bytes that the library put in, all but the last are discarded, at
 * which the program's end becomes writable. False with errno where they are not there.
 */
bool end_open(struct end *end, int fd, uint32_t filler);

/*
 * Reads up to `size` bytes that the program wrote. 0: it writes no more. -1 with errno: EAGAIN, or
 * ECONNRESET (once; 0 from then on) where it closed its end without reading all that it was sent, which is
 * no fault. What was read is consumed by the next call, by end_write(), or by end_settle().
 */
ssize_t end_read(struct end *end, void *buffer, size_t size);

/*
 * Consumes what was read, but for the one byte: to be called where END_UNSETTLED ms have passed since, for
 * until then the program's end may not be writable. Not at once: whatever frees room in the queue also wakes
 * a program that waits to read (unix_write_space()), for nothing and at the price of a message; after a write
 * it is awake anyway.
 */
void end_settle(struct end *end);

/* Sends to the program, and settles. As send(2): EAGAIN, or EPIPE or ECONNRESET where it reads no more. */
ssize_t end_write(struct end *end, const void *bytes, size_t length);

/*
 * The end of the stream, in order: the program reads end of file after what it was sent, and may go on
 * writing. False where it was not told: it is by closing the descriptor, which is in order now too.
 */
bool end_finish(struct end *end);

#endif
