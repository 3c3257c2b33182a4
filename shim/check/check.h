/*
 * Makes and negotiates one connection as if for a guarded program, with the relay's code, and records the
 * result.
 */
#ifndef RETROTLS_CHECK_CHECK_H
#define RETROTLS_CHECK_CHECK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/chain.h"
#include "command/asked.h"
#include "policy/policy.h"
#include "relay/protocol/failure.h"
#include "relay/protocol/protocol.h"

enum {
    /* ms */
    CONNECT_PATIENCE = 10000,   /* for all addresses of a port that the user named */
    CONNECT_IN_TURN = 3000,     /* for all addresses of each of several ports */
    CONNECT_LEAST = 1000,       /* for each address */
    SILENCE_IS_REPORTED = 3000, /* until we report that a server does not greet, before TLS or inside it */
    UNGUARDED_PATIENCE = 20,    /* seconds, for the greeting of a server that the policy leaves alone */
    GREETING_WAIT = 5000,       /* for a greeting that may decide which rule applies */
};

enum step_kind {
    STEP_LOOKUP,
    STEP_CONNECT,
    STEP_GREETING,
    STEP_STARTTLS,
    STEP_HANDSHAKE,
    STEP_GREETING_OVER_TLS,
    STEP_ANSWER_OVER_TLS, /* to the question that proves the protocol (relay/protocol/proof.h) */
    STEPS
};

enum verdict {
    VERDICT_MET,         /* TLS, as the policy demands */
    VERDICT_PLAINTEXT,   /* no TLS, and the policy allows it */
    VERDICT_TESTING,     /* the policy is not met, but lets the connection go on as a test */
    VERDICT_FAILED,      /* the policy is not met: the program would read `failure` */
    VERDICT_UNREACHABLE, /* no TCP connection */
    VERDICT_ERROR,       /* the policy itself is in error */
};

struct attempt {
    struct wire_address address; /* the address that we connected to */
    int error;                   /* errno; 0: connected */
};

struct check {
    uint16_t port;
    enum verdict verdict;
    bool guarded;       /* if not, the policy leaves it alone, and we tried level secure */
    bool implicit_port; /* a port for implicit TLS, which programs do themselves */
    bool speaks_tls;    /* it did not greet, but answered our TLS, though nobody said 'implicit' */
    bool alternative; /* the last attempt is to the port for TLS from the first byte, as `tls auto` has it */
    bool no_starttls; /* because STARTTLS is not offered; otherwise because there was no connection in time */
    bool other_service; /* inside TLS, it did not prove that it speaks the protocol */
    struct policy_explanation why;
    struct settings settings;                     /* the settings of the negotiation */
    struct attempt attempts[2 * ASKED_ADDRESSES]; /* the last one is in use */
    size_t attempts_count;
    bool taken[STEPS];    /* whether we got to the step */
    int64_t took[STEPS];  /* microseconds */
    const char *protocol; /* NULL: unknown */
    char version[16], cipher[64];
    char verified[256]; /* the name or fingerprint that matched, or "" */
    struct failure failure;
    struct chain_certificate chain[CHAIN_LIMIT];
    size_t chain_count;
};

/*
 * What to check: a policy and a connection. Also has the time that the host's lookup took (-1: it is an
 * address).
 */
struct check_question {
    const struct policy *policy;
    const struct asked *asked;
    int64_t lookup; /* microseconds */
    int patience;   /* ms for connecting to one port */
};

/* Microseconds of CLOCK_MONOTONIC. */
int64_t check_now(void);

/* Checks one port. Takes as long as the policy's timeouts allow. */
void check_run(struct check *check, const struct check_question *question, uint16_t port);

/* True if the exit status may be 0 after this check. */
bool check_is_good(const struct check *check);

/* The name of a step: "lookup", ...; and of a verdict: "met", ... */
const char *step_name(enum step_kind step);
const char *verdict_name(enum verdict verdict);

/*
 * True if all connections in question, to each address and port, are left alone because they stay on this
 * machine. In that case prints a line that says so, and names the ports that answer.
 */
bool check_stays_here(const struct check_question *question);
void show_stays_here(const struct check_question *question);

/* Show the check on standard output, for a person and for a script. */
void show_check(const struct check *check, const struct asked *asked);
void show_check_as_json(const struct check *check, const struct asked *asked);

/* Writes lines for a policy that fit this server's certificate; "" if the server sent none. */
enum { LINES_LIMIT = 2048 };
void policy_lines(char to[LINES_LIMIT], const struct check *check, const struct asked *asked);

#endif
