#include "relay/session.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/io/buffer.h"
#include "relay/io/relay_end.h"
#include "relay/negotiation.h"
#include "relay/options.h"
#include "relay/protocol/plain.h"
#include "relay/protocol/protocol.h"
#include "relay/protocol/starttls_watch.h"
#include "relay/pump/pump.h"
#include "relay/relay_log.h"
#include "relay/route.h"
#include "relay/sandbox/sandbox.h"

struct session {
    struct connection *c;
    const struct settings *settings;
    struct relay_end program;
    struct route route;
    struct negotiation n; /* its `server` is also used for the proof */
    struct buffer said;   /* what the program sent before the server proved its protocol (proof.h) */
    bool mute;            /* the server has ended, and gets none of that */
    int error;            /* the errno that broke the socket during the proof, or 0 */
};

/* ---- TCP's outcome ---- */

/* Waits for a connect() in progress. Returns false if it fails, or if the program has gone. */
static bool await_tcp(struct session *s)
{
    struct connection *c = s->c;
    int error;

    s->n.server.filled = (int)c->request.filler - KEPT_BYTES;
    if (!route_await_tcp(&s->route, &error))
        return false;
    if (!files_bind_outcome(&c->files, c->program, error))
        return false;
    if (error != 0) {
        connection_keep_tcp(c); /* the program's end, not drained, looks as after a refused connect() */
        connection_report_outcome(c, error);
    }
    return error == 0;
}

/* ---- the end of the negotiation ---- */

/* `last`: no other line can follow, and the policy's files are no longer needed. */
static void log_outcome(struct session *s, enum log_result result, bool last)
{
    struct connection *c = s->c;
    const struct settings *settings = s->settings;
    const bool alone = result == RESULT_FAILED && plain_is_alone(&s->n.server);
    const struct log_line line = {
        .program = c->request.program,
        .pid = c->request.pid,
        .server = c->server,
        .address = c->request.asked_address,
        .protocol = protocol_kind_name(s->n.protocol ? s->n.protocol->kind : settings->protocol),
        .level = settings->level,
        .testing = settings->testing,
        .result = result,
        .version = s->n.tls.ssl ? SSL_get_version(s->n.tls.ssl) : "",
        .cipher = s->n.tls.ssl ? SSL_get_cipher_name(s->n.tls.ssl) : "",
        .verified = s->n.tls.check.verified,
        .resumed = s->n.tls.ssl && SSL_session_reused(s->n.tls.ssl),
        .implicit = settings->tls == TLS_IMPLICIT,
        .alternative = s->route.alternative ? c->request.alternative.port : 0,
        .milliseconds = plain_now() - c->began,
        .rule = settings->rule,
        .error = s->n.why.text,
        .discarded = alone ? buffer_used(&s->said) + plain_unsent(&s->n.server) : 0,
    };

    relay_log_write(&c->files, settings->log, last, &line);
}

/* Reads and drops what the program writes, until it closes or time is up. */
static void discard_program(struct session *s)
{
    const int64_t until = plain_now() + SESSION_REFUSED;
    struct pollfd polled = {.fd = s->c->program, .events = POLLIN};
    char dropped[4096];
    ssize_t n;

    do {
        const int64_t left = until - plain_now();

        if (left <= 0)
            return;
        if (poll(&polled, 1, (int)left) < 0 && errno != EINTR)
            return;
        n = recv(s->c->program, dropped, sizeof dropped, MSG_DONTWAIT);
        explicit_bzero(dropped, n > 0 ? (size_t)n : 0);
    } while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
    if (n == 0) { /* it writes no more, but may still be reading */
        polled.events = 0;
        poll(&polled, 1, (int)(until - plain_now() > 0 ? until - plain_now() : 0));
    }
}

/*
 * Tells the program the reason in its protocol's words. We accept and drop what it still writes, as TCP would
 * accept it. So the program can read the reason, and does not die of SIGPIPE.
 */
static void refuse(struct session *s)
{
    char text[GREETING_LIMIT];
    size_t length;

    log_outcome(s, RESULT_FAILED, true);
    if (s->c->tcp >= 0)
        shutdown(s->c->tcp, SHUT_RDWR);
    connection_set_stage(s->c, WIRE_REFUSED);
    if (s->n.why.kind == FAILURE_PROGRAM_GONE || !s->n.protocol)
        return; /* without a protocol, the program only gets ECONNRESET */
    length = s->n.protocol->refuse(s->n.why.text, text);
    if (relay_end_write(&s->program, text, length) != (ssize_t)length)
        return;
    if (relay_end_finish(&s->program))
        discard_program(s);
}

/* ---- the session ---- */

static void pump(struct session *s, struct stream *server, struct starttls_watch *watch)
{
    const struct pumped what = {.program = &s->program,
                                .server = server,
                                .watch = watch,
                                .up = &s->c->up,
                                .down = &s->c->down,
                                .greeting = &s->n.first,
                                .said = &s->said,
                                .mute = s->mute,
                                .protocol = s->n.protocol ? s->n.protocol->kind : PROTOCOL_AUTO};

    if (pump_run(&what) == PUMP_CUT)
        s->c->error = s->error ? s->error : server->error;
}

/* True if the server has shown inside TLS that it speaks the protocol. Otherwise sets `why`. */
static bool prove(struct session *s, struct starttls_watch *watch)
{
    /* For each protocol: whether this program seems to begin with a secret. */
    static _Atomic bool asks_first[PROTOCOL_KINDS];
    struct proof proof = negotiation_proof(&s->n);
    enum proof_end end = PROOF_GIVEN;

    proof.program = &s->program;
    proof.watch = watch;
    proof.asks_first = &asks_first[s->n.protocol ? s->n.protocol->kind : PROTOCOL_AUTO];
    proof.up = &s->c->up;
    proof.down = &s->c->down;
    proof.said = &s->said;
    s->n.server.program = -1; /* what it said before it left is still to be delivered */
    if (negotiation_must_prove(&s->n))
        end = proof_run(&proof, &s->n.why);
    s->mute = end == PROOF_ENDED;
    s->error = s->n.tls.stream.error;
    s->n.tls.stream.ready.readable = s->n.tls.stream.ready.fresh = true;
    if (end == PROOF_FAILED)
        s->n.server.program = s->c->program; /* count what it has left unsent */
    else
        files_end(&s->c->files);
    s->n.server.filled = (int)s->program.owed + s->program.kept - KEPT_BYTES;
    return end != PROOF_FAILED;
}

static void go_on_over_tls(struct session *s)
{
    struct starttls_watch watch;

    if (s->settings->testing) { /* what would have failed */
        s->n.why = s->n.tls.check.why;
        sandbox_suffices(s->settings, s->c->server, &s->n.why);
    }
    log_outcome(s, RESULT_TLS, !negotiation_must_prove(&s->n));
    connection_set_tls(s->c, SSL_get_version(s->n.tls.ssl), SSL_get_cipher_name(s->n.tls.ssl));
    s->n.why = (struct failure){.kind = FAILURE_NONE};
    if (!s->n.protocol) {
        pump(s, &s->n.tls.stream, NULL);
        return;
    }
    starttls_watch_begin(&watch, s->n.protocol);
    if (prove(s, &watch))
        pump(s, &s->n.tls.stream, &watch);
    else
        refuse(s); /* with a second line in the log */
    explicit_bzero(&watch, sizeof watch);
}

static void go_on_in_plaintext(struct session *s)
{
    struct stream server;

    log_outcome(s, RESULT_PLAINTEXT, true);
    connection_set_stage(s->c, WIRE_PLAINTEXT);
    stream_over_socket(&server, s->c->tcp);
    if (buffer_append(&s->n.first, s->n.greeting.raw, s->n.greeting.raw_length))
        pump(s, &server, NULL);
}

static void on_step(struct negotiation *n, enum negotiation_step step, enum outcome outcome)
{
    struct session *const s = (struct session *)((char *)n - offsetof(struct session, n));

    if (step == NEGOTIATION_DIALOGUE && outcome == READY && n->protocol)
        connection_set_protocol(s->c, protocol_kind_name(n->protocol->kind));
}

static void run(struct session *s)
{
    switch (route_negotiate(&s->route)) {
    case READY:
        go_on_over_tls(s);
        break;
    case NOT_OFFERED:
        if (s->settings->testing || !level_demands_tls(s->settings->level))
            go_on_in_plaintext(s);
        else
            refuse(s);
        break;
    default:
        refuse(s);
    }
}

/*
 * The library already knows why (an error in its policy, for example). Its text is a sentence, not one word,
 * so it is cleaned in parts.
 */
static void refuse_as_asked(struct session *s, const char *text)
{
    size_t left = strlen(text), at = 0;

    while (left > 0 && at < sizeof s->n.why.text - 1) {
        const size_t part = left < CLEAN_FIELD_LIMIT ? left : CLEAN_FIELD_LIMIT;

        clean_text(s->n.why.text + at, sizeof s->n.why.text - at, text, part);
        at += strlen(s->n.why.text + at);
        text += part;
        left -= part;
    }
    refuse(s);
}

void session_run(struct connection *c)
{
    struct session s = {.c = c, .settings = &c->request.settings};

    route_begin(&s.route, c, &s.n, on_step);
    if ((c->request.pending && !await_tcp(&s)) ||
        !relay_end_open(&s.program, c->program, c->room, c->request.filler)) {
        route_end(&s.route);
        return;
    }
    s.n.server.filled = s.program.kept ? 0 : -KEPT_BYTES;
    connection_report_outcome(c, 0);
    connection_set_stage(c, WIRE_NEGOTIATING);
    if (c->request.failure) {
        s.n.protocol = negotiation_protocol(&c->request);
        refuse_as_asked(&s, c->request.failure);
    } else if (!s.settings->testing && !sandbox_suffices(s.settings, c->server, &s.n.why)) {
        s.n.protocol = negotiation_protocol(&c->request);
        refuse(&s); /* nothing that the server says is read */
    } else {
        option_hasten(c);
        run(&s);
    }
    route_end(&s.route);
    negotiation_end(&s.n);
    buffer_drop(&s.said);
}
