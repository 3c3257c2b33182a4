/*
 * The questions that the worker process asks its monitor, over SOCK_SEQPACKET pairs that nobody else has.
 * Each question and each answer is one message, and a channel has one question at a time. Both ends run the
 * same program, so we send structures as they are.
 *
 * A file system may hang forever: an NFS server may be down, or a FUSE program stuck. So the monitor's main
 * thread, which answers on the first channel, opens nothing that a policy names. For that, the worker asks
 * over another channel, whose thread in the monitor may hang (opener.h).
 *
 * The worker may be compromised, so the monitor believes nothing that it says. The monitor learns what a
 * policy names from the program's own request (MONITOR_TAKE), in a socket that the worker cannot write to
 * (take.c, is_accepted()).
 */
#ifndef RETROTLS_MONITOR_MESSAGES_H
#define RETROTLS_MONITOR_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/files/named_files.h"

enum {
    MONITOR_DATA_LIMIT = 48 * 1024, /* bytes after a head: a message from the library, a client's chain */
    MONITOR_DESCRIPTORS = 8,        /* at most, with one message */
};

enum monitor_kind {
    /*
     * Reads the WIRE_GUARD request that is still unread in the attached connection. The answer has the
     * message with its token wiped, the TCP socket, the relay's end, and a grant for what the policy names.
     */
    MONITOR_TAKE = 1,
    MONITOR_FILE = 2,        /* `what`: enum named; the answer brings the file, open for reading */
    MONITOR_ROOTS = 3,       /* `what`: enum monitor_roots, `number`: the hash; the answer brings the files */
    MONITOR_CERTIFICATE = 4, /* the answer has the certificates of client-cert in PEM, and no key */
    MONITOR_KEY = 5,         /* the answer has the public key of client-key, SubjectPublicKeyInfo in DER */
    MONITOR_SIGN = 6,        /* data: struct monitor_signing, then the bytes to sign */
    MONITOR_BIND = 7,        /* binds the attached relay's end to TCP's outcome: `number`, an errno or 0 */
    /*
     * Reads the program's option request that is still unread in the first attached connection. Sets or reads
     * the option on the second descriptor, the TCP socket. For options that need rights which only the
     * program has.
     */
    MONITOR_OPTION = 8,
    /*
     * Data: the line; `what`: enum monitor_line. The answer comes once the line is written, so that it is in
     * the log before the program can read what the line is about. With LINE_UNANSWERED there is no answer,
     * and nobody waits.
     */
    MONITOR_LOG = 9,
    MONITOR_END = 10,    /* the grant is no longer needed; no answer */
    MONITOR_PARENT = 11, /* the answer's `grant` is getppid(2) */
    MONITOR_STATE = 12,  /* `what`: enum named; the answer's data is its struct file_state */
    MONITOR_OPENER = 13, /* starts an opener; the answer brings the worker's end of its channel */
    /*
     * Connects the socket for the alternative, which came with the grant's request, to the address in that
     * request, and does not wait. The answer brings the socket; once.
     */
    MONITOR_ALTERNATIVE = 14,
    MONITOR_KINDS,
};

enum monitor_line {
    LINE_WARNS = 1,
    LINE_IS_LAST = 2,   /* also does MONITOR_END */
    LINE_TO_SYSLOG = 4, /* the place that the policy names does not respond */
    LINE_UNANSWERED = 8,
};

struct monitor_head {
    uint32_t kind, grant, what, number;
    uint32_t length; /* bytes of data that follow */
    uint32_t zero;
};

/* What the worker learns about a grant's files before it asks for them. */
struct grant_facts {
    uint32_t grant;  /* 0 if there is no grant */
    uint32_t unseen; /* files whose state the worker must ask for (MONITOR_STATE): bits 1 << enum named */
    uint64_t rights; /* identifies the rights used to open the files: equal for equal rights */
    /*
     * Equal for equal paths. They show which questions may hang on the same file. `log` is 0 if we can write
     * a line without a file.
     */
    uint64_t path[NAMED_COUNT], log;
    struct file_state state[NAMED_COUNT];
};

struct monitor_answer_head {
    int32_t error;            /* 0, an errno, or one of named_files.h's values */
    uint32_t length;          /* bytes of data that follow */
    struct grant_facts facts; /* for MONITOR_TAKE; for others, `grant` may hold a number */
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
