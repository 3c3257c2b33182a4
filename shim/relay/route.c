#include "relay/route.h"

#include <stdio.h>
#include <unistd.h>

#include "relay/options.h"

enum { PORT_ROOM = 11 /* " port 65535" */ };

/* Prepares the negotiation over the connection's TCP socket. `filled`: of struct plain. */
static void prepare(struct route *route, int filled)
{
    struct connection *c = route->c;

    transport_over_socket(&route->bare, c->tcp);
    *route->n = (struct negotiation){
        .request = &c->request,
        .server = {.transport = &route->bare, .program = c->program, .server = route->name, .filled = filled},
        .tcp = c->tcp,
        .files = &c->files,
        .passed = route->n->passed,
    };
}

void route_begin(struct route *route, struct connection *c, struct negotiation *n,
                 void (*passed)(struct negotiation *n, enum negotiation_step step, enum outcome outcome))
{
    const struct guard_request *request = &c->request;

    *route = (struct route){
        .c = c,
        .n = n,
        .race = {.files = &c->files,
                 .first = c->tcp,
                 .failed = (int)request->failed,
                 .begun = request->settings.tls != TLS_AUTO || request->alternative.family == 0,
                 .alternative = -1},
    };
    snprintf(route->name, sizeof route->name, "%s", c->server);
    n->passed = passed;
    prepare(route, 0);
}

void route_end(struct route *route)
{
    race_drop(&route->race);
}

/* Goes on with the alternative's TCP socket. Returns the first one; -1 if the program has gone. */
static int change_over(struct route *route)
{
    struct connection *c = route->c;
    const int filled = route->n->server.filled;
    const int first = connection_exchange_tcp(c, route->race.alternative);

    if (first < 0)
        return -1;
    route->race.alternative = -1;
    route->alternative = true;
    c->request.settings.tls = TLS_IMPLICIT;
    snprintf(route->name, sizeof route->name, "%.*s port %u", (int)sizeof route->name - 1 - PORT_ROOM,
             c->server, c->request.alternative.port);
    prepare(route, filled);
    return first;
}

bool route_await_tcp(struct route *route, int *error)
{
    int first;

    *error = 0;
    switch (race_run(&route->race, &route->n->server)) {
    case RACE_FIRST:
        return true;
    case RACE_ALTERNATIVE:
        first = change_over(route);
        if (first >= 0)
            close(first);
        return first >= 0;
    case RACE_FAILED:
        *error = route->race.failed;
        return true;
    default:
        return false;
    }
}

/* ---- a server without STARTTLS ---- */

static enum outcome gone(struct route *route)
{
    route->n->why = (struct failure){.kind = FAILURE_NONE};
    fail(&route->n->why, FAILURE_PROGRAM_GONE, route->name);
    return FAILED;
}

/* The level demands TLS, so that the first connection is of no use. */
static enum outcome take_alternative(struct route *route)
{
    int first;

    negotiation_end(route->n);
    first = change_over(route);
    if (first < 0)
        return gone(route);
    close(first);
    option_hasten(route->c);
    return negotiation_run(route->n);
}

/*
 * The first connection may go on in plaintext, and does so if the alternative does not lead to a session
 * within a few seconds.
 */
static enum outcome try_alternative(struct route *route)
{
    struct connection *c = route->c;
    struct settings *const settings = &c->request.settings;
    const struct settings before = *settings;
    struct negotiation first;
    int tcp, other;

    negotiation_end(route->n);
    first = *route->n;
    tcp = change_over(route);
    if (tcp < 0)
        return gone(route);
    settings->timeout = settings->greeting_timeout = RACE_PATIENCE / 1000;
    option_hasten(c);
    if (negotiation_run(route->n) == READY) {
        settings->timeout = before.timeout;
        settings->greeting_timeout = before.greeting_timeout;
        close(tcp);
        return READY;
    }
    negotiation_end(route->n);
    other = connection_exchange_tcp(c, tcp);
    close(other >= 0 ? other : tcp);
    *settings = before;
    route->alternative = false;
    snprintf(route->name, sizeof route->name, "%s", c->server);
    prepare(route, first.server.filled);
    if (other < 0)
        return gone(route);
    option_hasten(c);
    route->n->protocol = first.protocol;
    route->n->greeting = first.greeting;
    route->n->why = first.why;
    return NOT_OFFERED;
}

enum outcome route_negotiate(struct route *route)
{
    struct settings *const settings = &route->c->request.settings;
    const bool needs_tls = level_demands_tls(settings->level) && !settings->testing;
    const enum outcome outcome = negotiation_run(route->n);
    bool left;

    if (outcome != NOT_OFFERED || settings->tls != TLS_AUTO || route->c->request.alternative.family == 0 ||
        !route->n->protocol) {
        race_drop(&route->race); /* it may still be connecting, and a session may last for days */
        return outcome;
    }
    if (race_await_alternative(&route->race, &route->n->server, needs_tls ? RACE_PATIENCE : RACE_DELAY,
                               &left)) {
        settings->protocol = route->n->protocol->kind;
        return needs_tls ? take_alternative(route) : try_alternative(route);
    }
    if (left)
        return gone(route);
    race_add_failure(&route->n->why, route->c->request.alternative.port, route->race.alternative_failed);
    return NOT_OFFERED;
}
