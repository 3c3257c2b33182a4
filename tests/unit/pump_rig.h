/*
 * The parts of a session, for tests of the pump: the program's end of a pair, the pump in a thread, and a
 * server, over TLS or bare TCP, run by the test or by a thread of its own.
 */
#ifndef RETROTLS_TESTS_UNIT_PUMP_RIG_H
#define RETROTLS_TESTS_UNIT_PUMP_RIG_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

#include "relay/pump/pump.h"
#include "relay/tls/tls.h"

struct rig {
    int program; /* the program's end: blocking, with a receive timeout so that no test hangs */
    int server;  /* the server's socket */
    SSL *ssl;    /* the server's TLS over it, or NULL */
    pthread_t pump;
    bool joined;
    enum pump_end end; /* valid after rig_join() */

    /* The relay's parts. */
    int relay_end, room, tcp;
    struct relay_end at_program;
    struct tls tls;
    struct stream bare;
    struct starttls_watch watch;
    struct buffer greeting;
    struct pumped what;
    _Atomic uint64_t up, down;
};

enum rig_kind { RIG_BARE = 0, RIG_TLS_1_2 = TLS1_2_VERSION, RIG_TLS_1_3 = TLS1_3_VERSION };

static const enum rig_kind rig_kinds[] = {RIG_BARE, RIG_TLS_1_2, RIG_TLS_1_3};

#define EACH_KIND(kind) for (size_t kind = 0; kind < sizeof rig_kinds / sizeof rig_kinds[0]; kind++)

/*
 * Opens all of it, gives `greeting` to the pump, and starts the pump. `watched`: the protocol whose STARTTLS
 * is watched for, or NULL.
 */
void rig_open(struct rig *rig, enum rig_kind kind, const char *greeting, const struct protocol *watched);
/* Waits until the pump has ended, and closes the relay's side as a session does. */
enum pump_end rig_join(struct rig *rig);
/* Closes whatever is open. */
void rig_close(struct rig *rig);

/* The server's side, through TLS if it is used. Each asserts that it succeeds. */
void rig_server_write(struct rig *rig, const void *bytes, size_t length);
void rig_server_read(struct rig *rig, void *bytes, size_t length); /* exactly this many */
/* The server ends cleanly: with close_notify, or without TLS with a FIN. */
void rig_end_in_order(struct rig *rig);
/* The result of the program's next read: the count, 0, or -errno. */
ssize_t rig_program_read(struct rig *rig, void *bytes, size_t size);
/* The program reads exactly this text. */
void rig_program_expect(struct rig *rig, const char *text);
void rig_program_write(struct rig *rig, const char *text);
/* Milliseconds of CPU time that the pump has used. */
long rig_pump_time(const struct rig *rig);

#endif
