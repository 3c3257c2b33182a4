/*
 * How the library and the relay talk. Each request has its own SOCK_SEQPACKET connection to the abstract
 * address that the relay listens on: one message each way, then it is closed. So the program need not keep a
 * descriptor open, a forked child gets its own answers, and it does no harm if the program closes
 * descriptors.
 *
 * A message is a head and fields of a tag, a length and bytes, padded to four. Every number has a fixed width
 * and the machine's byte order, so that a 32-bit library can talk to a 64-bit relay. Descriptors travel with
 * the message as SCM_RIGHTS.
 *
 * Readers trust nothing. They check a length before they use it. A text must end in a NUL within its field
 * and hold no other. An unknown tag, or a second copy of a field that may occur only once, makes the message
 * malformed.
 */
#ifndef RETROTLS_WIRE_WIRE_H
#define RETROTLS_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"

enum {
    WIRE_MAGIC = 0x534c5452, /* "RTLS" */
    WIRE_VERSION = 1,
    WIRE_MESSAGE_LIMIT = 32768, /* bytes, either way */
    WIRE_TEXT_LIMIT = 4096,     /* bytes of one text, with its NUL (PATH_MAX) */
    WIRE_VALUE_LIMIT = 512,     /* bytes of a socket option's value (struct tcp_info is the largest) */
    WIRE_TOKEN_SIZE = 16,
    WIRE_TOKEN_END = 40,  /* end of the token, which is the first field of a WIRE_GUARD */
    WIRE_DESCRIPTORS = 5, /* at most, in the SCM_RIGHTS of one message */
};

enum wire_type {
    /*
     * Descriptors: the TCP socket, the relay's end, the program's end (which the relay closes at once), the
     * socket for the alternative if there is one, and standard error if the log goes there.
     */
    WIRE_GUARD = 1,
    WIRE_GET_OPTION = 2, /* descriptor: the program's end, as proof of possession */
    WIRE_SET_OPTION = 3, /* descriptor: the same */
    /* Descriptor: the same. The reply returns the TCP socket, whether or not its connect() failed. */
    WIRE_RECLAIM = 4,
    /* One WIRE_CONNECTION per connection, then a WIRE_REPLY; EPERM unless the relay's user or root asks. */
    WIRE_STATUS = 5,
    WIRE_REPLY = 64,
    WIRE_CONNECTION = 65,
};

/*
 * A cookie is a number that identifies one open socket: its SO_COOKIE (Linux 4.12) or, where the kernel or an
 * emulator (qemu-user) has no such option, its inode number with this bit set.
 */
#define WIRE_COOKIE_OF_INODE (UINT64_C(1) << 47)

struct wire_address {
    uint16_t family; /* AF_INET or AF_INET6, 0: none */
    uint16_t port;   /* host order */
    uint32_t scope;  /* sin6_scope_id */
    uint8_t bytes[16];
};

/* What the library knows of connect()'s outcome when it asks the relay. */
enum wire_connecting {
    WIRE_CONNECTED = 0,        /* connected, or not to be connected (guard_request.failure) */
    WIRE_PENDING = 1,          /* still under way; the relay waits for the outcome */
    WIRE_PENDING_REPORTED = 2, /* the same, and the relay reports it in a second reply on the connection */
};

/*
 * "Take over this connection." The reply comes at once. 0 means that the relay has taken over all the
 * descriptors. With WIRE_CONNECTED, its end is then already bound to the name that shows the outcome.
 *
 * The second reply, for WIRE_PENDING_REPORTED, comes once the relay's end is bound to that name. It holds
 * TCP's errno or 0, and from then on the program's end can be written to; it holds ECANCELED if WIRE_RECLAIM
 * has called the connection off. If the program has closed its end, or the relay has failed, the request just
 * ends.
 */
struct guard_request {
    uint8_t token[WIRE_TOKEN_SIZE]; /* proves that the asker started the relay */
    uint64_t cookie;                /* of the program's end */
    uint32_t pid;
    uint32_t pending; /* enum wire_connecting */
    uint32_t filler;  /* bytes in the relay's end that the program did not write (the seed: at least 1) */
    uint32_t elapsed; /* milliseconds since connect() was called */
    struct wire_address asked_address; /* the address that the program gave to connect() */
    /*
     * With TLS_AUTO: where TLS begins with the first byte, if TCP fails at the first address or STARTTLS is
     * not offered there. The library has made a nonblocking socket for it, like the first one, but has not
     * connected it. Family 0: there is none.
     */
    struct wire_address alternative;
    uint32_t failed;     /* the errno with which the first TCP socket has failed already; 0: not yet */
    const char *program; /* path of the executable */
    /*
     * NULL, or why this connection must not happen, in the words for the failure greeting (the policy has an
     * error, ...). The TCP socket was then never connected. The relay sends the greeting at once, in the
     * protocol of settings.protocol or else of asked_address.port, and discards what the program writes. If
     * neither gives a protocol, it replies EPROTONOSUPPORT and does nothing.
     */
    const char *failure;
    struct text_list asked; /* host names that the program asked for: the certificate must match each */
    struct settings settings;
};

enum {
    /*
     * A level for WIRE_GET_OPTION besides those of getsockopt(2), which are not negative. `name` is SIOCOUTQ
     * or SIOCOUTQNSD (tcp(7)), and the value is an int: how many of the bytes that the program has written
     * are not yet acknowledged by the server, or not yet sent.
     */
    WIRE_LEVEL_IOCTL = -2,
};

struct option_request {
    uint64_t cookie;
    int32_t level, name;  /* as getsockopt(2) takes them */
    uint32_t size;        /* of the program's buffer (get) */
    const uint8_t *value; /* (set) */
    uint32_t value_length;
};

struct wire_reply {
    int32_t error; /* 0, or an errno */
    const uint8_t *value;
    uint32_t value_length;
};

enum wire_stage {
    WIRE_CONNECTING = 0,  /* connect() is under way */
    WIRE_NEGOTIATING = 1, /* greeting, STARTTLS, handshake */
    WIRE_TLS = 2,
    WIRE_PLAINTEXT = 3,
    WIRE_REFUSED = 4, /* the program has read a failure greeting and has not closed yet */
    WIRE_STAGES = 5,
};

/* One of the relay's connections, as a WIRE_STATUS reports it. */
struct wire_connection {
    uint32_t pid;
    enum wire_stage stage;
    enum level level;
    struct wire_address address; /* the address that the program gave to connect() */
    uint64_t age;                /* ms since connect() was called */
    uint64_t up, down;           /* bytes from the program, and to it */
    const char *program;         /* path; each text is NULL if it is not known (yet) */
    const char *server;          /* host name, or address */
    const char *protocol;
    const char *version, *cipher;
};

/*
 * Each writes one message into `out` (of WIRE_MESSAGE_LIMIT bytes) and returns its length, or 0 if it does
 * not fit.
 */
size_t wire_write_guard(uint8_t *out, const struct guard_request *request);
size_t wire_write_option(uint8_t *out, enum wire_type type, const struct option_request *request);
size_t wire_write_reply(uint8_t *out, const struct wire_reply *reply);
size_t wire_write_status(uint8_t *out);
size_t wire_write_connection(uint8_t *out, const struct wire_connection *connection);

/* The type of a message of `length` bytes, or 0 if its head is malformed or of another version. */
enum wire_type wire_type_of(const uint8_t *message, size_t length);

/*
 * The token of a WIRE_GUARD of `length` bytes; only its first WIRE_TOKEN_END bytes need be there. NULL if
 * this is not a WIRE_GUARD, or does not begin with a token.
 */
const uint8_t *wire_token_of(const uint8_t *begin, size_t length);

/*
 * Each reads one message. False if it is malformed in any way; then `*request` is unspecified. Texts and
 * values point into `message`, which must be aligned to 8 and outlive them.
 */
bool wire_read_guard(struct guard_request *request, const uint8_t *message, size_t length);
bool wire_read_option(struct option_request *request, const uint8_t *message, size_t length);
bool wire_read_reply(struct wire_reply *reply, const uint8_t *message, size_t length);
bool wire_read_connection(struct wire_connection *connection, const uint8_t *message, size_t length);

#endif
