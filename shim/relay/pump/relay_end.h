/*
 * The relay's end of the socket pair: what the program writes is read here, what it reads is written here.
 *
 * A UNIX stream socket that closes with unread bytes in its queue resets its peer: the peer reads what was
 * sent, then ECONNRESET (unix(7), unix_release_sock() in the kernel). So one byte that was already passed on
 * always stays unread in this end, and the program can tell a cut connection (a crash, a kill, a truncation
 * by the server) from an end in order, for which relay_end_finish() takes that byte away first.
 *
 * An unread byte keeps the whole buffer that it came in (the kernel's skb) charged to the program, whose end
 * is not writable, and wakes nobody, while four times of what is charged exceed its SO_SNDBUF
 * (unix_writable(), unix_write_space()). The library makes that large enough for all that a program's calls
 * put into one buffer (shim/preload/guard/pair.c), except where the pages are larger than 4 KB, and for what
 * a splice(2) that does not pass the library moves on from another socket. So where only the kept byte is
 * left and the program's end is not writable, it is consumed too, and the next bytes leave another one. Until
 * they come a kill of this process looks like an end in order to the program.
 *
 * We found no way to close that gap. Only a byte that the program's end has sent makes the kernel reset it:
 * unix_release_sock() looks at the receive queue alone, SO_LINGER means nothing to a UNIX socket, and nobody
 * but the sender's side can put a buffer into that queue. Bytes behind an unread one cannot be consumed, so
 * the mark must come last. To send one behind the program's we would have to hold the program's end, and
 * could then not hear the program close it; an epoll set and O_PATH keep no socket open, but do not let us
 * send either. Another process that holds this end as well, for the case that we are killed, can delay the
 * end of the stream, but not turn it into a reset. A pair of TCP sockets would do (SO_LINGER of 0 seconds,
 * and shutdown() for an end in order), at the price of needing a loopback device and its ports.
 *
 * Never blocks; never changes the socket's flags.
 */
#ifndef RETROTLS_RELAY_PUMP_RELAY_END_H
#define RETROTLS_RELAY_PUMP_RELAY_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RELAY_END_UNSETTLED = 2 };

struct relay_end {
    int fd;
    int room;      /* as relay_end_room_of() made it; not this one's to close */
    bool keeps;    /* one byte is to stay unread */
    bool kept;     /* there is one, at the front of the queue or behind those that are owed */
    bool peeks;    /* behind that byte: the kernel has SO_PEEK_OFF (Linux 3.4; qemu-user has not) */
    bool bulk;     /* the last read was large, the next one probably is */
    size_t owed;   /* bytes that were looked at, and of which all but the last are still to be consumed */
    size_t passed; /* bytes read since the program's end was last known not to be held back by the kept one */
    bool unsettled; /* something was read since */
    bool tight;     /* a small read has once held it back: the program's SO_SNDBUF is tiny */
};

/*
 * A set of epoll(7) that has `program`, the program's end, for EPOLLOUT: a descriptor, or -1 with errno. Such
 * a set does not keep a file open and forgets it when it is closed for good (epoll(7), Q6), so the caller
 * closes `program`, and still hears of it.
 */
int relay_end_room_of(int program);

/*
 * Takes the end `fd` over, with the set `room`: of the `filler` bytes that the library put in, all but the
 * last are discarded, at which the program's end becomes writable. False with errno where they are not there.
 */
bool relay_end_open(struct relay_end *end, int fd, int room, uint32_t filler);

/*
 * Reads up to `size` bytes that the program wrote. 0: it writes no more. -1 with errno: EAGAIN, or
 * ECONNRESET (once; 0 from then on) where it closed its end without reading all that it was sent, which is
 * no fault. What was read is consumed by the next call, by relay_end_write(), or by relay_end_settle().
 */
ssize_t relay_end_read(struct relay_end *end, void *buffer, size_t size);

/*
 * Consumes what was read, but for the one byte, and that one as well where it holds the program back. To be
 * called where `unsettled` and RELAY_END_UNSETTLED ms have passed since, for until then the program's end may
 * not be writable. Not at once: whatever frees room in the queue also wakes a program that waits to read
 * (unix_write_space()), for nothing and at the price of a message; after a write it is awake anyway.
 */
void relay_end_settle(struct relay_end *end);

/*
 * To be called before waiting for the program: settles at once after more than a small message, so that a
 * program with much to write is not kept waiting.
 */
void relay_end_make_room(struct relay_end *end);

/* Sends to the program, and settles. As send(2): EAGAIN, or EPIPE or ECONNRESET where it reads no more. */
ssize_t relay_end_write(struct relay_end *end, const void *bytes, size_t length);

/*
 * The end of the stream, in order: the program reads end of file after what it was sent, and may go on
 * writing. False where it was not told: it is by closing the descriptor, which is in order now too.
 */
bool relay_end_finish(struct relay_end *end);

#endif
