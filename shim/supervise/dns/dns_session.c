#include "supervise/dns/dns_session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervise/dns/dns_stream.h"

enum { AT_ONCE = 16 /* datagrams from one side before it is the other sessions' turn */ };

static uint8_t datagram[MESSAGE_LIMIT + 1];

void dns_session_wants(const struct dns_session *s, struct pollfd set[2])
{
    set[0] = (struct pollfd){.fd = s->program, .events = POLLIN};
    set[1] = (struct pollfd){.fd = s->server, .events = POLLIN};
    if (s->what.stream)
        dns_stream_wants(s, set);
}

/* A refusal from the program's side means that it has closed its socket. We treat that as silence. */
static void pass_questions(struct dns_session *s, struct forwarder_state *state)
{
    for (int i = 0; i < AT_ONCE; i++) {
        const ssize_t got = recv(s->program, datagram, sizeof datagram, MSG_DONTWAIT);

        if (got < 0)
            return;
        if (!s->opaque && got > 0 && !questions_note(&s->questions, datagram, (size_t)got)) {
            s->opaque = true;
            atomic_store(&state->unseen, true);
        }
        /* This is the error of an earlier datagram; the present one was not sent. */
        if (send(s->server, datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
            send(s->server, datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

/* Returns false if the server has refused. */
static bool pass_answers(struct dns_session *s)
{
    for (int i = 0; i < AT_ONCE; i++) {
        const ssize_t got = recv(s->server, datagram, sizeof datagram, MSG_DONTWAIT);

        if (got < 0)
            return errno != ECONNREFUSED;
        if (s->opaque || questions_answer(&s->questions, datagram, (size_t)got))
            send(s->program, datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return true;
}

bool dns_session_serve(struct dns_session *s, const struct pollfd set[2], struct forwarder_state *state,
                       bool *refused)
{
    *refused = false;
    if (s->what.stream)
        return dns_stream_serve(s, set, state);
    if (set[0].revents)
        pass_questions(s, state);
    if (set[1].revents && !pass_answers(s) && s->what.connected) {
        *refused = true;
        return false;
    }
    return true;
}
