#include "check/run.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "check/progress.h"
#include "check/tcp.h"
#include "policy/services.h"

/* ---- the policy ---- */

static void decide(struct run *run, const struct wire_address *address)
{
    struct check *const check = run->check;
    const struct asked *const asked = run->question->asked;
    struct policy_query query = asked_query(asked, address);

    if (run->protocol_shown != PROTOCOL_AUTO)
        query.protocol = run->protocol_shown;
    policy_explain(run->question->policy, &query, &check->why);
    check->settings = check->why.settings;
    check->guarded = check->why.decision == DECISION_GUARD;
    check->implicit_port = implicit_port_protocol(check->port) != PROTOCOL_AUTO;
    if (check->settings.protocol == PROTOCOL_AUTO)
        check->settings.protocol = asked->protocol != PROTOCOL_AUTO ? asked->protocol : query.protocol;
    if (!check->guarded) {
        check->settings.level = LEVEL_SECURE;
        check->settings.tls = check->implicit_port || asked->implicit ? TLS_IMPLICIT : TLS_STARTTLS;
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
    const uint16_t implicit = settings_implicit_port(settings, target->port);

    if (settings->connect_host && !resolve_target(target, settings->connect_host))
        return false;
    if (settings->connect_port != 0)
        target->port = (uint16_t)settings->connect_port;
    else if (settings->tls == TLS_IMPLICIT && implicit != 0)
        target->port = implicit;
    return true;
}

void run_take_alternative(struct run *run)
{
    run->check->alternative = true;
    run->check->settings.tls = TLS_IMPLICIT;
    run->request.settings.tls = TLS_IMPLICIT;
}

/* With `tls auto`, as the relay does: also to `port`, for TLS from the first byte. */
static bool try_both(struct run *run, struct attempt *first, uint16_t port, int milliseconds)
{
    struct check *const check = run->check;
    struct attempt other = {.address = first->address};
    bool connected;

    other.address.port = port;
    connected = tcp_connect_either(&first->address, &other.address, milliseconds, &run->fd, &first->error,
                                   &other.error);
    if (first->error == 0 || other.error == -1)
        return connected;
    check->attempts[check->attempts_count++] = other;
    if (connected)
        run_take_alternative(run);
    return connected;
}

static bool try_address(struct run *run, const struct wire_address *address, int milliseconds)
{
    struct check *const check = run->check;
    struct attempt *const attempt = &check->attempts[check->attempts_count++];
    uint16_t port;

    *attempt = (struct attempt){.address = *address};
    if (check->guarded && !find_target(&check->why.settings, &attempt->address)) {
        attempt->error = EHOSTUNREACH;
        return false;
    }
    port = check->guarded ? settings_alternative_port(&check->why.settings, address->port) : 0;
    if (port != 0)
        return try_both(run, attempt, port, milliseconds);
    attempt->error = tcp_connect(&attempt->address, milliseconds, &run->fd);
    return attempt->error == 0;
}

/* No rule names the port, but a block may apply to the protocol that the greeting shows. */
static void decide_by_greeting(struct run *run, const struct wire_address *address)
{
    const struct check_question *const question = run->question;

    if (run->check->guarded || question->asked->protocol != PROTOCOL_AUTO ||
        !policy_may_guard_by_greeting(question->policy))
        return;
    run->protocol_shown = tcp_greeting(run->fd, GREETING_WAIT);
    if (run->protocol_shown != PROTOCOL_AUTO)
        decide(run, address);
}

/* Returns the ms for one address: its share of the remaining time, with `addresses` left to try. */
static int share(int64_t until, size_t addresses)
{
    const int64_t left = (until - check_now()) / 1000 / (int64_t)addresses;

    return left > CONNECT_LEAST ? (int)left : CONNECT_LEAST;
}

bool run_connect(struct run *run)
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
        progress_show("%s port %u: connecting", asked->host, run->check->port);
        connected = try_address(run, &address, share(until, asked->addresses_count - i));
        if (connected) {
            run_took(run, STEP_CONNECT, began);
            decide_by_greeting(run, &address);
        }
    }
    if (!connected)
        run_took(run, STEP_CONNECT, began);
    run->check->verdict = VERDICT_UNREACHABLE;
    return connected;
}
