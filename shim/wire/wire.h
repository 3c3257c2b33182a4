/*
 * How the library and the relay talk: one SOCK_SEQPACKET connection per request, to the abstract address
 * that the relay listens on; one message each way, then it is closed. So no descriptor has to be kept in the
 * program, a forked child gets its own answers, and nothing that the program closes can hurt.
 *
 * A message is a head and fields of a tag, a length and bytes, padded to four. Every number has a fixed width
 * and the machine's byte order, so that a 32-bit library speaks to a 64-bit relay. Descriptors travel beside
 * it as SCM_RIGHTS.
 *
 * Readers take nothing on trust: a length is checked before it is used, text must be NUL-terminated within
 * its field and hold no other NUL, an unknown tag or a repeated single field makes the message malformed.
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
    WIRE_TOKEN_END = 40,  /* where the token of a WIRE_GUARD ends, which is its first field */
    WIRE_DESCRIPTORS = 4, /* SCM_RIGHTS of one message, at most */
};

enum wire_type {
    WIRE_GUARD = 1, /* descriptors: TCP socket, relay's end, program's end, which the relay closes at once,
                       and standard error where the log goes there */
    WIRE_GET_OPTION = 2, /* descriptors: the program's end, as proof of possession */
    WIRE_SET_OPTION = 3, /* likewise */
    WIRE_RECLAIM = 4, /* likewise; the reply brings the TCP socket back, of a connect() that failed or not */
    WIRE_STATUS = 5,  /* answered by a WIRE_CONNECTION for each, and a WIRE_REPLY at the end; EPERM for others
                         than  the relay's own user and root */
    WIRE_REPLY = 64,
    WIRE_CONNECTION = 65,
};

/*
 * A cookie is the number of an open socket that no other has: SO_COOKIE (Linux 4.12), and where the kernel or
 * an emulator (qemu-user) has none, the number of its inode with this bit.
 */
#define WIRE_COOKIE_OF_INODE (UINT64_C(1) << 47)

struct wire_address {
    uint16_t family; /* AF_INET or AF_INET6, 0: none */
    uint16_t port;   /* host order */
    uint32_t scope;  /* sin6_scope_id */
    uint8_t bytes[16];
};

/* What is known of TCP's outcome when the relay is asked. */
enum wire_connecting {
    WIRE_CONNECTED = 0,    /* it is up (or a failure is to be told without it) */
    WIRE_PENDING = 1,      /* connect() is still under way, the relay waits for its outcome */
    WIRE_PENDING_TOLD = 2, /* likewise; and tells it, in a second reply on the same connection */
};

/*
 * "Take this connection over." The reply comes at once. 0: the relay has taken over all the descriptors;
 * if WIRE_CONNECTED, its end is bound to the outcome's name by then.
 *
 * The second reply of WIRE_PENDING_TOLD comes once the relay's end is bound to the outcome's name: TCP's
 * errno, or 0, and then the program's end can be written to; ECANCELED where WIRE_RECLAIM has called the
 * connection off. The request just ends where the program has closed its end, or the relay has failed.
 */
struct guard_request {
    uint8_t
        token[WIRE_TOKEN_SIZE]; /* proves that the request comes from the process that started the relay */
    uint64_t cookie;            /* of the program's end */
    uint32_t pid;
    uint32_t pending; /* enum wire_connecting */
    uint32_t filler;  /* bytes in the relay's end that the program did not write (the seed: at least 1) */
    uint32_t elapsed; /* milliseconds since connect() was called */
    struct wire_address asked_address; /* what the program asked connect() for */
    const char *program;               /* path of the executable */
    /*
     * NULL, or why this connection must not happen, as the failure greeting is to say it (the policy is in
     * error, ...). Then the TCP socket was never connected: the relay sends the greeting at once, in the
     * words of settings.protocol or of asked_address.port's protocol, and discards what the program writes.
     * Where neither tells the protocol, it replies EPROTONOSUPPORT and does nothing.
     */
    const char *failure;
    struct text_list asked; /* host names the program asked for: the certificate must match each */
    struct settings settings;
};

enum {
    /*
     * A level of WIRE_GET_OPTION beside those of getsockopt(2), which are not negative: `name` is SIOCOUTQ or
     * SIOCOUTQNSD (tcp(7)), the value an int: what the server has not acknowledged (not been sent) of what
     * the program has written.
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
    WIRE_REFUSED = 4, /* the program has read a failure greeting, and has not closed yet */
    WIRE_STAGES = 5,
};

/* A connection that the relay has, as it tells its own user and root. */
struct wire_connection {
    uint32_t pid;
    enum wire_stage stage;
    enum level level;
    struct wire_address address; /* what the program asked connect() for */
    uint64_t age;                /* ms since connect() was called */
    uint64_t up, down;           /* bytes of the program's, and for it */
    const char *program;         /* path; each text: NULL where it is not known (yet) */
    const char *server;          /* host name, or address */
    const char *protocol;
    const char *version, *cipher;
};

/*
 * Each writes one message into `out` (of WIRE_MESSAGE_LIMIT bytes) and returns its length, or 0 where it does
 * not fit.
 */
size_t wire_write_guard(uint8_t *out, const struct guard_request *request);
size_t wire_write_option(uint8_t *out, enum wire_type type, const struct option_request *request);
size_t wire_write_reply(uint8_t *out, const struct wire_reply *reply);
size_t wire_write_status(uint8_t *out);
size_t wire_write_connection(uint8_t *out, const struct wire_connection *connection);

/* The type of a message of `length` bytes, or 0 where its head is malformed or of another version. */
enum wire_type wire_type_of(const uint8_t *message, size_t length);

/*
 * The token of a WIRE_GUARD of `length` bytes, of which no more than the first WIRE_TOKEN_END need be there.
 * NULL where it is none, or does not begin with one.
 */
const uint8_t *wire_token_of(const uint8_t *begin, size_t length);

/*
 * Each reads one message; false where it is malformed in any way, and then `*request` is unspecified. Texts
 * and values point into `message`, which must be aligned to 8 and outlive them.
 */
bool wire_read_guard(struct guard_request *request, const uint8_t *message, size_t length);
bool wire_read_option(struct option_request *request, const uint8_t *message, size_t length);
bool wire_read_reply(struct wire_reply *reply, const uint8_t *message, size_t length);
bool wire_read_connection(struct wire_connection *connection, const uint8_t *message, size_t length);

#endif
