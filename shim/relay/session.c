#include "relay/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/timeouts.h"
#include "relay/options.h"
#include "relay/protocol/plain.h"
#include "relay/protocol/proof.h"
#include "relay/protocol/protocol.h"
#include "relay/protocol/starttls_watch.h"
#include "relay/pump/buffer.h"
#include "relay/pump/pump.h"
#include "relay/pump/relay_end.h"
#include "relay/relay_log.h"
#include "relay/tls/tls.h"

struct session {
    struct connection *c;
    const struct settings *settings;
    struct relay_end program;
    struct transport bare;
    struct plain server; /* the dialogue before TLS */
    const struct protocol *protocol;
    struct greeting greeting;
    struct tls tls;
    struct tls_peer peer;
    struct failure why;
    struct buffer first; /* what the program reads first */
    struct buffer said;  /* what the program said before the server proved what it speaks (proof.h) */
    bool mute;           /* the server has ended and gets nothing of it */
    int error;           /* the errno that broke the socket during the proof; 0: it did not break */
    struct tls_transport over_tls;
    struct local_address local;
    int64_t patience; /* ms for a reply inside TLS */
};

/* ---- TCP's outcome ---- */

/* Waits for a connect() that is under way. False if it fails, or if the program has gone. */
static bool await_tcp(struct session *s)
{
    struct connection *c = s->c;
    struct sockaddr_storage peer;
    socklen_t length = sizeof(int);
    int error = 0;

    s->server.filled = (int)c->request.filler - KEPT_BYTES;
    if (plain_wait(&s->server, POLLOUT, INT64_MAX) != WAIT_READY)
        return false;
    if (getsockopt(c->tcp, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    length = sizeof peer;
    if (error == 0 && getpeername(c->tcp, (struct sockaddr *)&peer, &length) != 0)
        error = ECONNABORTED; /* it was never connecting */
    if (!files_bind_outcome(&c->files, c->program, error))
        return false;
    if (error != 0) {
        connection_keep_tcp(c); /* the program's end, not drained, looks as after a refused connect() */
        connection_tell_outcome(c, error);
    }
    return error == 0;
}

/* ---- the end of the negotiation ---- */

/* `last`: no other line can follow, and the policy's files are not needed any more. */
static void log_outcome(struct session *s, enum relay_log_result result, bool last)
{
    struct connection *c = s->c;
    const struct settings *settings = s->settings;
    const bool alone = result == RESULT_FAILED && plain_is_alone(&s->server);
    const struct relay_log_line line = {
        .program = c->request.program,
        .pid = c->request.pid,
        .server = c->server,
        .address = c->request.asked_address,
        .protocol = protocol_kind_name(s->protocol ? s->protocol->kind : settings->protocol),
        .level = settings->level,
        .testing = settings->testing,
        .result = result,
        .version = s->tls.ssl ? SSL_get_version(s->tls.ssl) : "",
        .cipher = s->tls.ssl ? SSL_get_cipher_name(s->tls.ssl) : "",
        .verified = s->tls.check.verified,
        .resumed = s->tls.ssl && SSL_session_reused(s->tls.ssl),
        .milliseconds = plain_now() - c->began,
        .rule = settings->rule,
        .error = s->why.text,
        .discarded = alone ? buffer_used(&s->said) + plain_unsent(&s->server) : 0,
    };

    relay_log_write(&c->files, settings->log, last, &line);
}

/* Reads and drops what the program writes, until it closes or its time is up. */
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
 * Tells the program why, in its protocol's words. What it still writes is accepted, as TCP would accept it,
 * and dropped, so that it reads the reason instead of dying of SIGPIPE.
 */
static void refuse(struct session *s)
{
    char text[GREETING_LIMIT];
    size_t length;

    log_outcome(s, RESULT_FAILED, true);
    if (s->c->tcp >= 0)
        shutdown(s->c->tcp, SHUT_RDWR);
    connection_set_stage(s->c, WIRE_REFUSED);
    if (s->why.kind == FAILURE_PROGRAM_GONE || !s->protocol)
        return; /* without a protocol, ECONNRESET has to do */
    length = s->protocol->refuse(s->why.text, text);
    if (relay_end_write(&s->program, text, length) != (ssize_t)length)
        return;
    if (relay_end_finish(&s->program))
        discard_program(s);
}

/* ---- the negotiation ---- */

const struct protocol *session_protocol_of(const struct guard_request *request)
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

static enum outcome dialogue(struct session *s, const struct settings *settings)
{
    const uint16_t port = s->c->request.asked_address.port;

    s->local.length = sizeof s->local.address;
    if (getsockname(s->c->tcp, (struct sockaddr *)&s->local.address, &s->local.length) != 0)
        s->local.length = 0;
    s->patience = (int64_t)settings->greeting_timeout * 1000;
    if (settings->implicit) {
        s->protocol = session_protocol_of(&s->c->request); /* nothing is said before TLS */
        s->server.deadline = plain_now() + (int64_t)settings->timeout * 1000;
        return READY;
    }
    return negotiate(&s->server, settings, port, &s->local, &s->protocol, &s->greeting, &s->why);
}

/* From here on what the server says inside TLS also goes to the program: `first` keeps it. */
static void talk_over_tls(struct session *s)
{
    transport_over_tls(&s->over_tls, &s->tls, &s->server.deadline);
    s->server.transport = &s->over_tls.transport;
    s->server.consumed = 0;
    s->server.kept = &s->first;
}

/* ManageSieve: the capability list that the server sends again over TLS. */
static bool greet_from_server(struct session *s)
{
    size_t room;

    s->server.kept = NULL;
    if (!buffer_open(&s->first, &room)) {
        fail(&s->why, FAILURE_NO_MEMORY, s->c->server);
        return false;
    }
    room = s->protocol->greet_over_tls(&s->server, (char *)s->first.bytes, room, &s->why);
    buffer_put(&s->first, room);
    return room > 0;
}

/* TLS from the first byte: the server's own greeting. */
static bool greet_inside_tls(struct session *s)
{
    if (!s->protocol)
        return true; /* it will come, whatever it is */
    s->server.deadline = plain_now() + s->patience;
    return s->protocol->greeting(&s->server, &s->greeting, &s->why) == READY;
}

/* What the program reads as a greeting: the relay's own words, or what the server says over TLS. */
static bool greet(struct session *s)
{
    char text[GREETING_LIMIT];
    size_t length;

    talk_over_tls(s);
    if (s->settings->implicit)
        return greet_inside_tls(s);
    if (s->protocol->greet_over_tls)
        return greet_from_server(s);
    length = s->protocol->greet(&s->greeting, text);
    if (buffer_append(&s->first, text, length))
        return true;
    fail(&s->why, FAILURE_NO_MEMORY, s->c->server);
    return false;
}

static bool upgrade(struct session *s)
{
    return tls_open(&s->tls, s->c->tcp, &s->peer, &s->why) && tls_handshake(&s->tls, &s->server, &s->why) &&
           greet(s);
}

/* ---- the session ---- */

static void pump(struct session *s, struct stream *server, struct starttls_watch *watch)
{
    const struct pumped what = {.program = &s->program,
                                .server = server,
                                .watch = watch,
                                .up = &s->c->up,
                                .down = &s->c->down,
                                .greeting = &s->first,
                                .said = &s->said,
                                .mute = s->mute,
                                .protocol = s->protocol ? s->protocol->kind : PROTOCOL_AUTO};

    if (pump_run(&what) == PUMP_CUT)
        s->c->error = s->error ? s->error : server->error;
}

/* Whether the server has yet to show that it speaks the protocol. */
static bool must_prove(const struct session *s)
{
    return s->protocol && s->protocol->probe && !(s->settings->implicit && s->protocol->greeting_is_proof);
}

/* Whether the server inside TLS has shown that it speaks the protocol; if not, `why` is set. */
static bool prove(struct session *s, struct starttls_watch *watch)
{
    struct proof proof = {.server = &s->server,
                          .program = &s->program,
                          .protocol = s->protocol,
                          .local = &s->local,
                          .watch = watch,
                          .patience = s->patience,
                          .up = &s->c->up,
                          .down = &s->c->down,
                          .told = &s->first,
                          .said = &s->said};
    enum proof_end end = PROOF_GIVEN;

    s->server.program = -1; /* what it said before it left is still to be delivered */
    if (must_prove(s))
        end = proof_run(&proof, &s->why);
    s->mute = end == PROOF_ENDED;
    s->error = s->tls.stream.error;
    s->tls.stream.readable = s->tls.stream.edge = true;
    if (end == PROOF_FAILED)
        s->server.program = s->c->program; /* count what it has left unsent */
    else
        files_end(&s->c->files);
    s->server.filled = (int)s->program.owed + s->program.kept - KEPT_BYTES;
    return end != PROOF_FAILED;
}

static void go_on_over_tls(struct session *s)
{
    struct starttls_watch watch;

    if (s->settings->testing)
        s->why = s->tls.check.why; /* what would have failed */
    log_outcome(s, RESULT_TLS, !must_prove(s));
    connection_set_tls(s->c, SSL_get_version(s->tls.ssl), SSL_get_cipher_name(s->tls.ssl));
    s->why = (struct failure){.kind = FAILURE_NONE};
    if (!s->protocol) {
        pump(s, &s->tls.stream, NULL);
        return;
    }
    starttls_watch_begin(&watch, s->protocol);
    if (prove(s, &watch))
        pump(s, &s->tls.stream, &watch);
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
    if (buffer_append(&s->first, s->greeting.raw, s->greeting.raw_length))
        pump(s, &server, NULL);
}

static void run(struct session *s)
{
    struct settings settings = *s->settings;

    settings.timeout = timeout_of(s->settings);
    settings.greeting_timeout = greeting_timeout_of(s->settings);
    switch (dialogue(s, &settings)) {
    case READY:
        if (s->protocol)
            connection_set_protocol(s->c, protocol_kind_name(s->protocol->kind));
        if (upgrade(s))
            go_on_over_tls(s);
        else
            refuse(s);
        tls_close(&s->tls);
        break;
    case NOT_OFFERED:
        if (settings.testing || !level_demands_tls(settings.level))
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
static void refuse_as_told(struct session *s, const char *text)
{
    size_t left = strlen(text), at = 0;

    while (left > 0 && at < sizeof s->why.text - 1) {
        const size_t part = left < CLEAN_FIELD_LIMIT ? left : CLEAN_FIELD_LIMIT;

        clean_text(s->why.text + at, sizeof s->why.text - at, text, part);
        at += strlen(s->why.text + at);
        text += part;
        left -= part;
    }
    refuse(s);
}

void session_run(struct connection *c)
{
    struct session s = {.c = c, .settings = &c->request.settings};

    transport_over_socket(&s.bare, c->tcp);
    s.server = (struct plain){.transport = &s.bare, .program = c->program, .server = c->server};
    s.peer = (struct tls_peer){.settings = s.settings,
                               .asked = &c->request.asked,
                               .address = &c->request.asked_address,
                               .server = c->server,
                               .files = &c->files};
    if (c->request.pending && !await_tcp(&s))
        return;
    if (!relay_end_open(&s.program, c->program, c->room, c->request.filler))
        return;
    s.server.filled = s.program.kept ? 0 : -KEPT_BYTES;
    connection_tell_outcome(c, 0);
    connection_set_stage(c, WIRE_NEGOTIATING);
    if (c->request.failure) {
        s.protocol = session_protocol_of(&c->request);
        refuse_as_told(&s, c->request.failure);
    } else {
        option_hasten(c);
        run(&s);
    }
    buffer_drop(&s.first);
    buffer_drop(&s.said);
}
