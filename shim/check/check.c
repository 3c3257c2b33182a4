#include "check/check.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/implicit.h"
#include "check/progress.h"
#include "check/run.h"
#include "check/tcp.h"
#include "command/usage.h"
#include "relay/race/race.h"
#include "relay/tls/tls.h"

int64_t check_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void run_took(struct run *run, enum step_kind step, int64_t since)
{
    run->check->taken[step] = true;
    run->check->took[step] = check_now() - since;
}

/* ---- the negotiation ---- */

static ssize_t noted_write(struct transport *t, const void *buffer, size_t size)
{
    struct noted *const noted = (struct noted *)t;

    if (noted->first_write == 0)
        noted->first_write = check_now();
    return noted->write(t, buffer, size);
}

/* ---- servers that do not greet ---- */

static const struct wire_address *address_in_use(const struct check *check)
{
    return &check->attempts[check->attempts_count - 1].address;
}

/* If the server expects TLS from the first byte, makes a new connection for that. */
static void try_tls(struct run *run)
{
    const struct asked *const asked = run->question->asked;
    const char *const host =
        run->check->settings.connect_host ? run->check->settings.connect_host : asked->host;
    int fd;

    if (!implicit_expected(run->fd, address_in_use(run->check), asked->numeric ? NULL : host) ||
        tcp_connect(address_in_use(run->check), TLS_ANSWER, &fd) != 0)
        return;
    close(run->fd);
    run->fd = fd;
    run->check->speaks_tls = true;
    run->check->settings.tls = TLS_IMPLICIT;
    run->request.settings.tls = TLS_IMPLICIT;
}

/* Reports that the server is silent, because the greeting's timeout is long. */
static void say_what_is_waited_for(const struct run *run)
{
    const int64_t left = SILENCE_IS_REPORTED - (check_now() - run->since) / 1000;

    if (tcp_speaks(run->fd, left > 0 ? (int)left : 0))
        return;
    progress_end();
    complain("check: no greeting yet from %s port %u, nor an answer to TLS. Waiting for up to %u s more",
             run->server, run->check->port, run->request.settings.greeting_timeout);
}

/* ---- the steps of the negotiation ---- */

/* We have read the greeting by the time we first write, and the first thing that we write asks for TLS. */
static void note_dialogue(struct run *run)
{
    if (run->check->settings.tls == TLS_IMPLICIT)
        return; /* we exchange no plaintext before TLS */
    run_took(run, STEP_GREETING, run->since);
    if (run->bare.first_write != 0) {
        run->check->took[STEP_GREETING] = run->bare.first_write - run->since;
        run_took(run, STEP_STARTTLS, run->bare.first_write);
    }
}

/* Records what the handshake showed, whether it succeeded or not. */
static void note_tls(struct run *run)
{
    struct check *const check = run->check;
    const struct tls *const tls = &run->negotiation.tls;

    run_took(run, STEP_HANDSHAKE, run->since);
    check->chain_count = chain_read(check->chain, tls->ssl);
    if (check->chain_count == 0)
        return;
    snprintf(check->version, sizeof check->version, "%s", SSL_get_version(tls->ssl));
    if (SSL_get_current_cipher(tls->ssl))
        snprintf(check->cipher, sizeof check->cipher, "%s", SSL_get_cipher_name(tls->ssl));
    snprintf(check->verified, sizeof check->verified, "%s", tls->check.verified);
}

/* True if the server greets inside TLS. After STARTTLS, only a ManageSieve server does. */
static bool greets_over_tls(const struct run *run)
{
    const struct protocol *const protocol = run->negotiation.protocol;

    return protocol && (run->check->settings.tls == TLS_IMPLICIT || protocol->greet_over_tls);
}

/* True if a byte, or the end of the stream, arrives inside TLS within `milliseconds`. */
static bool speaks_over_tls(struct plain *server, int milliseconds)
{
    const int64_t until = plain_now() + milliseconds;
    char byte;

    while (server->transport->peek(server->transport, &byte, 1) < 0 && (errno == EAGAIN || errno == EINTR))
        if (plain_wait(server, POLLIN, until) != WAIT_READY)
            return false;
    return true;
}

/* Reports a server that does not greet inside TLS. */
static void await_greeting_over_tls(struct run *run)
{
    const unsigned patience = run->request.settings.greeting_timeout;

    progress_show("%s port %u: waiting for its greeting inside TLS", run->server, run->check->port);
    if (patience <= SILENCE_IS_REPORTED / 1000 ||
        speaks_over_tls(&run->negotiation.server, SILENCE_IS_REPORTED))
        return;
    progress_end();
    complain("check: no greeting yet inside TLS from %s port %u. Waiting for up to %u s more", run->server,
             run->check->port, patience);
}

static void on_step(struct negotiation *n, enum negotiation_step step, enum outcome outcome)
{
    struct run *const run = (struct run *)((char *)n - offsetof(struct run, negotiation));

    switch (step) {
    case NEGOTIATION_DIALOGUE:
        note_dialogue(run);
        if (outcome == READY)
            progress_show("%s port %u: TLS handshake", run->server, run->check->port);
        break;
    case NEGOTIATION_TLS:
        note_tls(run);
        break;
    case NEGOTIATION_GREETING:
        if (greets_over_tls(run))
            run_took(run, STEP_GREETING_OVER_TLS, run->since);
        if (outcome == READY && negotiation_must_prove(n))
            progress_show("%s port %u: waiting for its answer inside TLS", run->server, run->check->port);
        break;
    case NEGOTIATION_PROOF:
        run_took(run, STEP_ANSWER_OVER_TLS, run->since);
    }
    if (step > NEGOTIATION_TLS && outcome != READY)
        run->check->other_service = true;
    run->since = check_now();
    if (step == NEGOTIATION_TLS && outcome == READY && run->check->settings.tls == TLS_IMPLICIT &&
        n->protocol)
        await_greeting_over_tls(run);
}

/* Prepares the negotiation as the relay does, but with timeouts that a person can wait for. */
static void prepare(struct run *run)
{
    const struct check *const check = run->check;
    const int64_t began = check_now();
    const char *const name =
        check->settings.connect_host ? check->settings.connect_host : run->question->asked->host;

    clean_text(run->server, sizeof run->server, name, strlen(name));
    progress_show("%s port %u: waiting for its greeting", run->server, check->port);
    if (check->settings.tls != TLS_IMPLICIT)
        try_tls(run);
    transport_over_socket(&run->bare.transport, run->fd);
    run->bare.write = run->bare.transport.write;
    run->bare.transport.write = noted_write;
    if (!check->guarded && run->request.settings.greeting_timeout > UNGUARDED_PATIENCE)
        run->request.settings.greeting_timeout = UNGUARDED_PATIENCE;
    run->negotiation = (struct negotiation){
        .request = &run->request,
        .server = {.transport = &run->bare.transport, .program = -1, .server = run->server},
        .tcp = run->fd,
        .passed = on_step,
    };
    run->since = check->settings.tls == TLS_IMPLICIT ? check_now() : began;
    if (check->settings.tls != TLS_IMPLICIT)
        say_what_is_waited_for(run);
}

/*
 * Returns the verdict on a server that expects TLS from the first byte although the policy does not say so.
 */
static enum verdict verdict_of_tls_unasked(struct run *run)
{
    if (!run->check->guarded)
        return VERDICT_MET; /* at level secure, once somebody writes a block */
    fail(&run->negotiation.why, FAILURE_EXPECTS_TLS, run->server);
    return VERDICT_FAILED;
}

static enum verdict verdict_of(struct run *run, enum outcome outcome)
{
    const struct settings *const settings = &run->check->settings;
    struct negotiation *const n = &run->negotiation;

    switch (outcome) {
    case READY:
        n->tls.stream.finish(&n->tls.stream);
        if (n->tls.check.why.kind == FAILURE_NONE)
            return run->check->speaks_tls ? verdict_of_tls_unasked(run) : VERDICT_MET;
        n->why = n->tls.check.why;
        return VERDICT_TESTING;
    case NOT_OFFERED:
        return !level_demands_tls(settings->level) ? VERDICT_PLAINTEXT
               : settings->testing                 ? VERDICT_TESTING
                                                   : VERDICT_FAILED;
    default:
        return VERDICT_FAILED;
    }
}

/* STARTTLS is not offered: with `tls auto`, the relay goes to another port. False if that does not answer. */
static bool go_to_alternative(struct run *run)
{
    struct check *const check = run->check;
    struct attempt other = {.address = *address_in_use(check)};
    int fd;

    other.address.port = settings_alternative_port(&check->settings, check->port);
    if (!check->guarded || other.address.port == 0)
        return false;
    other.error = tcp_connect(&other.address, RACE_PATIENCE, &fd);
    if (other.error != 0) {
        race_add_failure(&run->negotiation.why, other.address.port, other.error);
        return false;
    }
    check->attempts[check->attempts_count++] = other;
    check->no_starttls = true;
    check->settings.protocol = run->request.settings.protocol = run->negotiation.protocol->kind;
    run_take_alternative(run);
    negotiation_end(&run->negotiation);
    close(run->fd);
    run->fd = fd;
    return true;
}

static void negotiate_all(struct run *run)
{
    struct negotiation *const n = &run->negotiation;
    struct check *const check = run->check;
    enum outcome outcome;

    prepare(run);
    outcome = negotiation_run(n);
    if (outcome == NOT_OFFERED && n->protocol && go_to_alternative(run)) {
        prepare(run);
        outcome = negotiation_run(n);
        if (outcome != READY && (check->settings.testing || !level_demands_tls(check->settings.level)))
            outcome = NOT_OFFERED; /* the relay goes back to the first connection */
    }
    if (outcome == READY && !negotiation_prove(n))
        outcome = FAILED;
    if (n->protocol)
        check->protocol = protocol_kind_name(n->protocol->kind);
    else if (outcome == READY)
        check->protocol = implicit_protocol(n);
    check->verdict = verdict_of(run, outcome);
    check->failure = n->why;
    negotiation_end(n);
}

void check_run(struct check *check, const struct check_question *question, uint16_t port)
{
    struct run run = {.check = check, .question = question, .fd = -1};

    memset(check, 0, sizeof *check);
    check->port = port;
    if (question->lookup >= 0) {
        check->taken[STEP_LOOKUP] = true;
        check->took[STEP_LOOKUP] = question->lookup;
    }
    if (run_connect(&run))
        negotiate_all(&run);
    if (run.fd >= 0)
        close(run.fd);
    progress_end();
}

bool check_is_good(const struct check *check)
{
    return (check->verdict == VERDICT_MET || check->verdict == VERDICT_PLAINTEXT) &&
           (check->guarded || check->implicit_port);
}
