/*
 * What the worker process asks of its monitor, over a SOCK_SEQPACKET pair that nobody else has. Each question
 * and each answer is one message; the worker's threads take turns. Both ends are the same program, so
 * structures travel as they are.
 *
 * The worker may be compromised: the monitor believes nothing that it says. The monitor reads what a policy
 * names from the program's own request (MONITOR_TAKE), which lies in a socket that the worker cannot write
 * to.
 */
#ifndef RETROTLS_MONITOR_MESSAGES_H
#define RETROTLS_MONITOR_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

enum {
    MONITOR_DATA_LIMIT = 48 * 1024, /* bytes after a head: a message from the library, a client's chain */
    MONITOR_DESCRIPTORS = 8,        /* at most, with one message */
};

enum monitor_kind {
    /*
     * Reads the request of type WIRE_GUARD from the attached connection, where it is still unread. The answer
     * brings the message with its token wiped, the TCP socket and the relay's end, and a grant for what the
     * policy names.
     */
    MONITOR_TAKE = 1,
    MONITOR_FILE = 2,        /* `what`: enum named; the answer brings the file, open for reading */
    MONITOR_ROOTS = 3,       /* `what`: enum monitor_roots, `number`: the hash; the answer brings the files */
    MONITOR_CERTIFICATE = 4, /* the answer has the certificates of client-cert in PEM, and no key */
    MONITOR_KEY = 5,         /* the answer has the public key of client-key, SubjectPublicKeyInfo in DER */
    MONITOR_SIGN = 6,        /* data: struct monitor_signing, then the bytes to sign */
    MONITOR_BIND = 7,        /* binds the attached relay's end to TCP's outcome: `number`, an errno or 0 */
    /*
     * Reads the program's option request from the first attached connection, where it is still unread, and
     * sets or reads the option on the second descriptor, the TCP socket: for options that need rights that
     * only the program has.
     */
    MONITOR_OPTION = 8,
    /*
     * Data: the line; `what`: enum monitor_line. The answer comes when the line is written: it is in the log
     * before the program reads what it is about.
     */
    MONITOR_LOG = 9,
    MONITOR_END = 10,    /* the grant is no longer needed; no answer */
    MONITOR_PARENT = 11, /* the answer's `grant` is getppid(2) */
};

/* The files that settings name. */
enum named {
    NAMED_CA_FILE, /* or, for `ca-file bundled`, the one installed with the relay */
    NAMED_CA_DIR,  /* or the system's */
    NAMED_BUNDLE,  /* the system's single file of roots */
    NAMED_CRL_FILE,
    NAMED_CLIENT_CERT,
    NAMED_CLIENT_KEY,
    NAMED_COUNT,
};

enum monitor_line { LINE_WARNS = 1, LINE_IS_LAST = 2 /* also does MONITOR_END */ };

enum monitor_roots { ROOTS_CERTIFICATES, ROOTS_CRLS };

struct monitor_head {
    uint32_t kind, grant, what, number;
    uint32_t length; /* bytes of data that follow */
    uint32_t zero;
};

/* Shows whether a file has changed. All 0 if there is no such file, or the settings name none. */
struct file_state {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* seconds, nanoseconds */
};

/* What the worker learns about a grant's files before it asks for them. */
struct grant_facts {
    uint32_t grant; /* 0 if there is no grant */
    uint32_t zero;
    uint64_t rights; /* identifies the rights used to open the files: equal for equal rights */
    struct file_state state[NAMED_COUNT];
};

struct monitor_answer_head {
    int32_t error;            /* 0, an errno, or one of the values below */
    uint32_t length;          /* bytes of data that follow */
    struct grant_facts facts; /* for MONITOR_TAKE; for others, `grant` may hold a number */
};

enum {
    MONITOR_NOT_REGULAR = -1, /* not a regular file */
    MONITOR_TOO_LARGE = -2,
    MONITOR_HAS_PASSPHRASE = -3,
    MONITOR_NO_CERTIFICATE = -4,
    MONITOR_NO_KEY = -5,
    MONITOR_NO_BUNDLED = -6,  /* `ca-file bundled`: no roots are installed with the relay */
    MONITOR_NOT_TRUSTED = -7, /* `ca-file bundled`: somebody else may have written them */
};

/* The digest to sign with. The monitor does the hashing. */
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
    uint32_t pss;    /* RSASSA-PSS with a salt as long as the digest; otherwise RSASSA-PKCS1-v1_5 */
};

#endif
