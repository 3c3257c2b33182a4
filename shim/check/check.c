#include "check/check.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check/tcp.h"
#include "command/usage.h"
#include "policy/machine.h"
#include "policy/services.h"
#include "relay/protocol/plain.h"
#include "relay/session.h"
#include "relay/tls/tls.h"

/* The relay's transport, which also notes when we first write: by then we have read the greeting. */
struct noted {
    struct transport transport;
    ssize_t (*write)(struct transport *t, const void *buffer, size_t size);
    int64_t first_write;
};

/* The state of one negotiation. */
struct run {
    struct check *check;
    const struct check_question *question;
    struct guard_request request;
    int fd;
    char server[CLEAN_FIELD_LIMIT + 1];
    struct noted bare;
    struct plain plain;
    const struct protocol *protocol;
    enum protocol_kind protocol_shown; /* from the greeting, if a rule may depend on it */
    struct greeting greeting;
    struct tls tls;
    struct tls_peer peer;
};

int64_t check_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void took(struct check *check, enum step_kind step, int64_t since)
{
    check->taken[step] = true;
    check->took[step] = check_now() - since;
}

/* ---- the policy ---- */

static void decide(struct run *run, const struct wire_address *address)
{
    struct check *const check = run->check;
    const struct asked *const asked = run->question->asked;
    const enum protocol_kind named = run->question->protocol;
    const enum protocol_kind protocol = named != PROTOCOL_AUTO ? named : run->protocol_shown;
    struct policy_query query = {
        .address = *address,
        .program = *asked->program ? asked->program : NULL,
        .user = *asked->user ? asked->user : NULL,
        .uid = asked->uid,
        .protocol = protocol,
    };

    if (!asked->numeric) {
        query.hosts = (struct text_list){.count = 1, .item = {asked->host}};
        query.hosts_here = machine_has_name(asked->host);
    }
    policy_explain(run->question->policy, &query, &check->why);
    check->settings = check->why.settings;
    check->guarded = check->why.decision == DECISION_GUARD;
    check->implicit_port = implicit_port_protocol(check->port) != PROTOCOL_AUTO;
    if (check->settings.protocol == PROTOCOL_AUTO)
        check->settings.protocol = protocol;
    if (!check->guarded) {
        check->settings.level = LEVEL_SECURE;
        check->settings.implicit = check->implicit_port;
        check->settings.testing = false;
    }
    run->request = (struct guard_request){
        .asked_address = *address,
        .program = asked->program,
        .asked = query.hosts,
        .settings = check->settings,
    };
}

/* ---- TCP ---- */

static bool resolve_target(struct wire_address *target, const char *host)
{
    const struct addrinfo hints = {.ai_family = target->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return false;
    if (target->family == AF_INET)
        memcpy(target->bytes, &((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr, 4);
    else
        memcpy(target->bytes, &((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr, 16);
    freeaddrinfo(found);
    return true;
}

/* Finds the address that the library would connect to instead: 'connect-to', or the port for implicit TLS. */
static bool find_target(const struct settings *settings, struct wire_address *target)
{
    const enum protocol_kind protocol =
        settings->protocol != PROTOCOL_AUTO ? settings->protocol : port_protocol(target->port);

    if (settings->connect_host && !resolve_target(target, settings->connect_host))
        return false;
    if (settings->connect_port != 0)
        target->port = (uint16_t)settings->connect_port;
    else if (settings->implicit && protocol_implicit_port(protocol) != 0)
        target->port = protocol_implicit_port(protocol);
    return true;
}

static bool try_address(struct run *run, const struct wire_address *address, int milliseconds)
{
    struct check *const check = run->check;
    struct attempt *const attempt = &check->attempts[check->attempts_count++];

    *attempt = (struct attempt){.address = *address};
    if (check->guarded && !find_target(&check->why.settings, &attempt->address)) {
        attempt->error = EHOSTUNREACH;
        return false;
    }
    attempt->error = tcp_connect(&attempt->address, milliseconds, &run->fd);
    return attempt->error == 0;
}

/* No rule names the port, but a block may be about the protocol that the greeting shows. */
static void decide_by_greeting(struct run *run, const struct wire_address *address)
{
    const struct check_question *const question = run->question;

    if (run->check->guarded || question->protocol != PROTOCOL_AUTO ||
        !policy_may_guard_by_greeting(question->policy))
        return;
    run->protocol_shown = tcp_greeting(run->fd, GREETING_WAIT);
    if (run->protocol_shown != PROTOCOL_AUTO)
        decide(run, address);
}

/* Returns the ms for one address: its share of the time left, with `addresses` still to try. */
static int share(int64_t until, size_t addresses)
{
    const int64_t left = (until - check_now()) / 1000 / (int64_t)addresses;

    return left > CONNECT_LEAST ? (int)left : CONNECT_LEAST;
}

/* Tries each address in turn, as programs do, until one answers. */
static bool connect_any(struct run *run)
{
    const struct asked *const asked = run->question->asked;
    const int64_t began = check_now(), until = began + (int64_t)run->question->patience * 1000;
    bool connected = false;

    for (size_t i = 0; i < asked->addresses_count && !connected; i++) {
        struct wire_address address = asked->addresses[i];

        address.port = run->check->port;
        decide(run, &address);
        if (run->check->why.decision == DECISION_ERROR) {
            run->check->verdict = VERDICT_ERROR;
            return false;
        }
        connected = try_address(run, &address, share(until, asked->addresses_count - i));
        if (connected) {
            took(run->check, STEP_CONNECT, began);
            decide_by_greeting(run, &address);
        }
    }
    if (!connected)
        took(run->check, STEP_CONNECT, began);
    run->check->verdict = VERDICT_UNREACHABLE;
    return connected;
}

/* ---- the negotiation ---- */

static ssize_t noted_write(struct transport *t, const void *buffer, size_t size)
{
    struct noted *const noted = (struct noted *)t;

    if (noted->first_write == 0)
        noted->first_write = check_now();
    return noted->write(t, buffer, size);
}

static void prepare(struct run *run)
{
    const struct check *const check = run->check;
    const char *const name =
        check->settings.connect_host ? check->settings.connect_host : run->question->asked->host;

    clean_text(run->server, sizeof run->server, name, strlen(name));
    transport_over_socket(&run->bare.transport, run->fd);
    run->bare.write = run->bare.transport.write;
    run->bare.transport.write = noted_write;
    run->plain = (struct plain){.transport = &run->bare.transport, .program = -1, .server = run->server};
    run->peer = (struct tls_peer){.settings = &run->request.settings,
                                  .asked = &run->request.asked,
                                  .address = &run->request.asked_address,
                                  .server = run->server};
}

/* Reports a silent server: it may be waiting for TLS from the start, and the greeting's timeout is long. */
static void say_what_is_waited_for(const struct run *run)
{
    if (!tcp_speaks(run->fd, SILENCE_IS_TOLD))
        complain("check: no greeting yet from %s port %u, as from one that speaks TLS from the start ('tls "
                 "implicit');"
                 " waiting for up to %u s more",
                 run->server, run->check->port, run->request.settings.greeting_timeout);
}

static enum outcome dialogue(struct run *run)
{
    struct check *const check = run->check;
    struct local_address local = {.length = sizeof local.address};
    const int64_t began = check_now();
    enum outcome outcome;

    if (check->settings.implicit) {
        run->protocol = session_protocol_of(&run->request);
        run->plain.deadline = plain_now() + (int64_t)check->settings.timeout * 1000;
        return READY;
    }
    if (!check->guarded && run->request.settings.greeting_timeout > UNGUARDED_PATIENCE)
        run->request.settings.greeting_timeout = UNGUARDED_PATIENCE;
    say_what_is_waited_for(run);
    if (getsockname(run->fd, (struct sockaddr *)&local.address, &local.length) != 0)
        local.length = 0;
    outcome = negotiate(&run->plain, &run->request.settings, check->port, &local, &run->protocol,
                        &run->greeting, &check->failure);
    took(check, STEP_GREETING, began);
    if (run->bare.first_write != 0) {
        check->took[STEP_GREETING] = run->bare.first_write - began;
        took(check, STEP_STARTTLS, run->bare.first_write);
    }
    return outcome;
}

/* A ManageSieve server greets again over TLS, and the program reads that greeting. */
static bool greet_over_tls(struct run *run)
{
    static char text[2 * DIALOGUE_LIMIT];
    struct tls_transport over_tls;
    struct plain server = run->plain;
    const int64_t began = check_now();
    bool good;

    if (run->check->settings.implicit || !run->protocol || !run->protocol->greet_over_tls)
        return true;
    transport_over_tls(&over_tls, &run->tls, &server.deadline);
    server.transport = &over_tls.transport;
    server.consumed = 0;
    good = run->protocol->greet_over_tls(&server, text, sizeof text, &run->check->failure) > 0;
    took(run->check, STEP_GREETING_OVER_TLS, began);
    return good;
}

/* Records what the handshake showed, whether it succeeded or not. */
static void note_tls(struct run *run)
{
    struct check *const check = run->check;

    check->chain_count = chain_read(check->chain, run->tls.ssl);
    if (check->chain_count == 0)
        return;
    snprintf(check->version, sizeof check->version, "%s", SSL_get_version(run->tls.ssl));
    if (SSL_get_current_cipher(run->tls.ssl))
        snprintf(check->cipher, sizeof check->cipher, "%s", SSL_get_cipher_name(run->tls.ssl));
    snprintf(check->verified, sizeof check->verified, "%s", run->tls.check.verified);
}

static void upgrade(struct run *run)
{
    struct check *const check = run->check;
    const int64_t began = check_now();
    bool good;

    check->verdict = VERDICT_FAILED;
    if (!tls_open(&run->tls, run->fd, &run->peer, &check->failure))
        return;
    good = tls_handshake(&run->tls, &run->plain, &check->failure);
    took(check, STEP_HANDSHAKE, began);
    note_tls(run);
    if (good && greet_over_tls(run)) {
        check->verdict = VERDICT_MET;
        if (run->tls.check.why.kind != FAILURE_NONE) {
            check->verdict = VERDICT_TESTING;
            check->failure = run->tls.check.why;
        }
        run->tls.stream.finish(&run->tls.stream);
    }
    tls_close(&run->tls);
}

static void negotiate_all(struct run *run)
{
    struct check *const check = run->check;

    prepare(run);
    switch (dialogue(run)) {
    case READY:
        upgrade(run);
        break;
    case NOT_OFFERED:
        check->verdict = !level_demands_tls(check->settings.level) ? VERDICT_PLAINTEXT
                         : check->settings.testing                 ? VERDICT_TESTING
                                                                   : VERDICT_FAILED;
        break;
    default:
        check->verdict = VERDICT_FAILED;
    }
    check->protocol = run->protocol ? protocol_kind_name(run->protocol->kind) : NULL;
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
    if (connect_any(&run))
        negotiate_all(&run);
    if (run.fd >= 0)
        close(run.fd);
}

bool check_is_good(const struct check *check)
{
    return (check->verdict == VERDICT_MET || check->verdict == VERDICT_PLAINTEXT) &&
           (check->guarded || check->implicit_port);
}
