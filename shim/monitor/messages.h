/*
 * What the worker process asks of its monitor, over a SOCK_SEQPACKET pair that nobody else has. One message
 * each way; the worker's threads take turns. Both ends are the same program, so structures go as they are.
 *
 * The worker may have been taken over: the monitor believes nothing that it says. What a policy names, the
 * monitor reads out of the program's own request (MONITOR_TAKE), which lies in a socket into which the worker
 * cannot write.
 */
#ifndef RETROTLS_MONITOR_MESSAGES_H
#define RETROTLS_MONITOR_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

enum {
    MONITOR_DATA_LIMIT = 48 * 1024, /* bytes behind a head: a message of the library's, a client's chain */
    MONITOR_DESCRIPTORS = 8,        /* with one message, at most */
};

enum monitor_kind {
    /*
     * Takes the request of type WIRE_GUARD out of the connection that comes along, unread. The answer brings
     * the message, its token wiped, the TCP socket and the relay's end, and a grant for what the policy
     * names.
     */
    MONITOR_TAKE = 1,
    MONITOR_FILE = 2,        /* `what`: enum named; the answer brings the file, open for reading */
    MONITOR_ROOTS = 3,       /* `what`: enum monitor_roots, `number`: the hash; the answer brings the files */
    MONITOR_CERTIFICATE = 4, /* the answer has the certificates of client-cert, PEM, and no key */
    MONITOR_KEY = 5,         /* the answer has the public half of client-key, SubjectPublicKeyInfo in DER */
    MONITOR_SIGN = 6,        /* data: struct monitor_signing, then what is to be signed */
    MONITOR_BIND = 7,   /* binds the relay's end that comes along to TCP's outcome: `number`, an errno or 0 */
    MONITOR_OPTION = 8, /* sets or reads what the program asks for in the connection that comes along, unread,
                         * on the TCP socket behind it: where that needs rights that only the program has */
    MONITOR_LOG = 9,    /* data: the line; `what`: enum monitor_line. Answered when it is written: a line is
                         * there     before the program reads what it tells of */
    MONITOR_END = 10,   /* the grant is needed no more. No answer */
    MONITOR_PARENT = 11, /* the answer's `grant` is getppid(2) */
};

/* The files that settings name. */
enum named {
    NAMED_CA_FILE, /* or, for `ca-file bundled`, that beside the relay */
    NAMED_CA_DIR,  /* or the system's */
    NAMED_BUNDLE,  /* the system's one file of roots */
    NAMED_CRL_FILE,
    NAMED_CLIENT_CERT,
    NAMED_CLIENT_KEY,
    NAMED_COUNT,
};

enum monitor_line { LINE_WARNS = 1, LINE_IS_LAST = 2 /* as MONITOR_END */ };

enum monitor_roots { ROOTS_CERTIFICATES, ROOTS_CRLS };

struct monitor_head {
    uint32_t kind, grant, what, number;
    uint32_t length; /* bytes of data behind it */
    uint32_t zero;
};

/* By which a change is noticed; all 0 where there is no such file, or the settings name none. */
struct file_state {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* seconds, nanoseconds */
};

/* What is told of the files of a grant, ahead of anybody's asking for them. */
struct grant_facts {
    uint32_t grant; /* 0: there is none */
    uint32_t zero;
    uint64_t rights; /* a number for the rights by which they are opened: the same for the same rights */
    struct file_state state[NAMED_COUNT];
};

struct monitor_answer_head {
    int32_t error;            /* 0, an errno, or one of the following */
    uint32_t length;          /* bytes of data behind it */
    struct grant_facts facts; /* (MONITOR_TAKE); `grant` is the answer's number else */
};

enum {
    MONITOR_NOT_REGULAR = -1, /* it is no regular file */
    MONITOR_TOO_LARGE = -2,
    MONITOR_HAS_PASSPHRASE = -3,
    MONITOR_NO_CERTIFICATE = -4,
    MONITOR_NO_KEY = -5,
    MONITOR_NO_BUNDLED = -6,  /* `ca-file bundled`: no roots lie beside the relay */
    MONITOR_NOT_TRUSTED = -7, /* likewise: somebody else may have written them */
};

/* What the monitor signs with; it hashes by itself. */
enum monitor_digest {
    DIGEST_OF_KEY, /* the key's algorithm has its own: Ed25519, Ed448 */
    DIGEST_SHA224,
    DIGEST_SHA256,
    DIGEST_SHA384,
    DIGEST_SHA512,
    DIGEST_COUNT,
};

struct monitor_signing {
    uint32_t digest; /* enum monitor_digest */
    uint32_t pss;    /* RSASSA-PSS, salt as long as the digest; else RSASSA-PKCS1-v1_5 */
};

#endif
