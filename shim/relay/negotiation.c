#include "relay/negotiation.h"

#include <stddef.h>
#include <sys/socket.h>

#include "monitor/timeouts.h"

const struct protocol *negotiation_protocol(const struct guard_request *request)
{
    const struct settings *settings = &request->settings;
    const uint16_t ports[] = {request->asked_address.port, (uint16_t)settings->connect_port};

    if (settings->protocol != PROTOCOL_AUTO)
        return protocol_by_kind(settings->protocol);
    for (size_t i = 0; i < 2; i++) {
        if (ports[i] != 0 && protocol_by_port(ports[i]))
            return protocol_by_port(ports[i]);
        if (implicit_port_protocol(ports[i]) != PROTOCOL_AUTO)
            return protocol_by_kind(implicit_port_protocol(ports[i]));
    }
    return NULL;
}

static void pass(struct negotiation *n, enum negotiation_step step, enum outcome outcome)
{
    if (n->passed)
        n->passed(n, step, outcome);
}

static void open_tls(struct negotiation *n)
{
    n->peer = (struct tls_peer){.settings = &n->request->settings,
                                .asked = &n->request->asked,
                                .address = &n->request->asked_address,
                                .server = n->server.server,
                                .files = n->files};
    n->tls_opened = tls_open(&n->tls, n->tcp, &n->peer, &n->not_opened);
}

/*
 * The files, the context, and what else TLS needs take no time of the connection's while the server prepares
 * its answer to STARTTLS.
 */
static void on_upgrading(struct plain *server)
{
    open_tls((struct negotiation *)((char *)server - offsetof(struct negotiation, server)));
}

static enum outcome dialogue(struct negotiation *n)
{
    struct settings settings = n->request->settings;

    settings.timeout = timeout_of(&settings);
    settings.greeting_timeout = greeting_timeout_of(&settings);
    n->patience = (int64_t)settings.greeting_timeout * 1000;
    n->local.length = sizeof n->local.address;
    if (getsockname(n->tcp, (struct sockaddr *)&n->local.address, &n->local.length) != 0)
        n->local.length = 0;
    if (settings.tls == TLS_IMPLICIT) {
        n->protocol = negotiation_protocol(n->request); /* nothing is said before TLS */
        n->server.deadline = plain_now() + (int64_t)settings.timeout * 1000;
        return READY;
    }
    return negotiate(&n->server, &settings, n->request->asked_address.port, &n->local, &n->protocol,
                     &n->greeting, &n->why);
}

/* ---- inside TLS ---- */

/* From here on what the server says inside TLS also goes to the program: `first` keeps it. */
static void talk_over_tls(struct negotiation *n)
{
    transport_over_tls(&n->over_tls, &n->tls, &n->server.deadline);
    n->server.transport = &n->over_tls.transport;
    n->server.consumed = 0;
    n->server.kept = &n->first;
}

/* ManageSieve: the capability list that the server sends again over TLS. */
static bool greet_from_server(struct negotiation *n)
{
    size_t room;

    n->server.kept = NULL;
    if (!buffer_open(&n->first, &room)) {
        fail(&n->why, FAILURE_NO_MEMORY, n->server.server);
        return false;
    }
    room = n->protocol->greet_over_tls(&n->server, (char *)n->first.bytes, room, &n->why);
    buffer_put(&n->first, room);
    return room > 0;
}

/* TLS from the first byte: the server's own greeting. */
static bool greet_inside_tls(struct negotiation *n)
{
    if (!n->protocol)
        return true; /* it will come, whatever it is */
    n->server.deadline = plain_now() + n->patience;
    return n->protocol->greeting(&n->server, &n->greeting, &n->why) == READY;
}

/* What the program reads as a greeting: the relay's own words, or what the server says over TLS. */
static bool greet(struct negotiation *n)
{
    char text[GREETING_LIMIT];
    size_t length;

    if (n->request->settings.tls == TLS_IMPLICIT)
        return greet_inside_tls(n);
    if (n->protocol->greet_over_tls)
        return greet_from_server(n);
    length = n->protocol->greet(&n->greeting, text);
    if (buffer_append(&n->first, text, length))
        return true;
    fail(&n->why, FAILURE_NO_MEMORY, n->server.server);
    return false;
}

static enum outcome upgrade(struct negotiation *n)
{
    enum outcome outcome;

    if (n->request->settings.tls == TLS_IMPLICIT)
        open_tls(n);
    if (!n->tls_opened) {
        n->why = n->not_opened;
        return FAILED;
    }
    outcome = tls_handshake(&n->tls, &n->server, &n->why) ? READY : FAILED;
    if (outcome == READY)
        talk_over_tls(n);
    pass(n, NEGOTIATION_TLS, outcome);
    if (outcome != READY)
        return FAILED;
    outcome = greet(n) ? READY : FAILED;
    pass(n, NEGOTIATION_GREETING, outcome);
    return outcome;
}

enum outcome negotiation_run(struct negotiation *n)
{
    enum outcome outcome;

    n->server.upgrading = on_upgrading;
    outcome = dialogue(n);
    if (outcome != READY)
        tls_close(&n->tls);
    pass(n, NEGOTIATION_DIALOGUE, outcome);
    return outcome == READY ? upgrade(n) : outcome;
}

bool negotiation_must_prove(const struct negotiation *n)
{
    return n->protocol && n->protocol->probe &&
           !(n->request->settings.tls == TLS_IMPLICIT && n->protocol->greeting_is_proof);
}

struct proof negotiation_proof(struct negotiation *n)
{
    return (struct proof){.server = &n->server,
                          .protocol = n->protocol,
                          .local = &n->local,
                          .patience = n->patience,
                          .unsent = &n->first};
}

bool negotiation_prove(struct negotiation *n)
{
    struct proof proof = negotiation_proof(n);
    bool proved;

    if (!negotiation_must_prove(n))
        return true;
    proved = proof_ask(&proof, &n->why) == PROOF_GIVEN;
    pass(n, NEGOTIATION_PROOF, proved ? READY : FAILED);
    return proved;
}

void negotiation_end(struct negotiation *n)
{
    tls_close(&n->tls);
    buffer_drop(&n->first);
}
