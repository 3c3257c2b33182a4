/*
 * The relay's end of the socket pair: reads what the program writes, and writes what it reads.
 *
 * If a UNIX stream socket closes with unread bytes in its queue, its peer is reset: the peer reads what was
 * sent, then ECONNRESET (unix(7), unix_release_sock() in the kernel). So this end always leaves one byte
 * unread, one that has already been passed on. The program can then tell a cut connection (a crash, a kill, a
 * truncation by the server) from an orderly end, for which relay_end_finish() first removes that byte.
 *
 * An unread byte keeps the whole buffer that it came in (the kernel's skb) charged to the program. While four
 * times the charged amount exceeds the program's SO_SNDBUF, its end is not writable and no waiter is woken
 * (unix_writable(), unix_write_space()). The library makes SO_SNDBUF large enough for whatever the program's
 * calls put into one buffer (shim/preload/guard/pair.c). That does not cover pages larger than 4 KB, or data
 * moved from another socket by a splice(2) that bypasses the library. So if only the kept byte is left and
 * the program's end is not writable, that byte is consumed too, and the next bytes leave another one. Until
 * they come, the program would take a kill of this process for an orderly end.
 *
 * We found no way to close that gap. Only a byte sent by the program's end makes the kernel reset that end:
 * unix_release_sock() looks only at the receive queue, SO_LINGER does nothing on a UNIX socket, and only the
 * sender's side can put a buffer into that queue. Bytes behind an unread one cannot be consumed, so the kept
 * byte must come last. To send one after the program's bytes we would have to hold the program's end, and
 * could then not notice the program closing it. An epoll set and O_PATH do not keep a socket open, but do not
 * let us send either. Another process that also holds this end, in case we are killed, can delay the end of
 * the stream, but not turn it into a reset. A pair of TCP sockets would do (SO_LINGER of 0 seconds, and
 * shutdown() for an orderly end), but needs a loopback device and its ports.
 *
 * Never blocks; never changes the socket's flags.
 */
#ifndef RETROTLS_RELAY_IO_RELAY_END_H
#define RETROTLS_RELAY_IO_RELAY_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    RELAY_END_UNSETTLED = 2, /* ms */
    RELAY_END_BREAK = 2000,  /* ms, at most: the thread that writes may have lost the processor */
};

struct relay_end {
    int fd;
    int room;      /* from relay_end_room_of(); the caller closes it */
    bool keeps;    /* one byte has to stay unread */
    bool kept;     /* there is such a byte, at the front of the queue or behind the owed ones */
    bool peeks;    /* can peek behind that byte: the kernel has SO_PEEK_OFF (Linux 3.4; qemu-user lacks it) */
    bool bulk;     /* the last read was large, so the next one probably is */
    size_t owed;   /* bytes that were peeked at; all but the last have yet to be consumed */
    size_t passed; /* bytes read since we last knew that the kept byte does not block the program */
    bool unsettled; /* something has been read since the last settling */
    bool tight;     /* a small read has blocked it before: the program's SO_SNDBUF is tiny */
};

/*
 * Returns an epoll(7) set that watches `program`, the program's end, for EPOLLOUT; -1 with errno. The set
 * does not keep the file open and forgets it when it is closed for good (epoll(7), Q6), so the caller can
 * close `program` and still use the set.
 */
int relay_end_room_of(int program);

/*
 * Takes over the end `fd`, with the set `room`. Discards all but the last of the `filler` bytes that the
 * library put in, which makes the program's end writable. False with errno if they are not there.
 */
bool relay_end_open(struct relay_end *end, int fd, int room, uint32_t filler);

/*
 * Reads up to `size` bytes from the program. Returns 0 if it writes no more, or -1 with errno: EAGAIN, or
 * ECONNRESET (once; 0 from then on) if it closed its end without reading all that it was sent, which is not
 * an error. The bytes are consumed by the next call, by relay_end_write(), or by relay_end_settle().
 */
ssize_t relay_end_read(struct relay_end *end, void *buffer, size_t size);

/*
 * Consumes what was read, except for the kept byte; consumes that as well if it blocks the program.
 *
 * Call it if `unsettled` is set, RELAY_END_UNSETTLED ms after the last read: until it is called the program's
 * end may not be writable. Do not call it at once: freeing room in the queue also wakes a program that waits
 * to read (unix_write_space()), for nothing and at the cost of a message. After a write the program is awake
 * anyway.
 */
void relay_end_settle(struct relay_end *end);

/*
 * Call before waiting for the program. Settles at once if more than a small message was read, so that a
 * program with much to write does not wait.
 */
void relay_end_make_room(struct relay_end *end);

/*
 * Call this, and not relay_end_settle(), before closing an end whose session was cut. Consumes nothing: every
 * unread byte makes the kernel reset the program's end. If there is none, because the kept byte stood in the
 * way of a write(2) that is still under way, waits until that has put its bytes into the queue; at most
 * RELAY_END_BREAK ms.
 */
void relay_end_break(struct relay_end *end);

/*
 * Sends to the program, and consumes what was read. Errors as send(2): EAGAIN, or EPIPE or ECONNRESET if the
 * program reads no more.
 */
ssize_t relay_end_write(struct relay_end *end, const void *bytes, size_t length);

/*
 * Ends the stream in order: the program reads what it was sent, then end of file, and may go on writing.
 * False if that failed; closing the descriptor now does it, and is an orderly end too.
 */
bool relay_end_finish(struct relay_end *end);

#endif
