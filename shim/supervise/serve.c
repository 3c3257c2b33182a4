#include "supervise/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/descriptor/identity.h"
#include "preload/guard/guardable.h"
#include "preload/guard/tcp_options.h"
#include "preload/interpose/sockopt.h"
#include "preload/sys/sys.h"
#include "supervise/call.h"
#include "supervise/dns/forwarder_link.h"
#include "supervise/last_answers.h"
#include "supervise/plain_connect.h"
#include "supervise/served_connect.h"
#include "supervise/served_dns.h"
#include "supervise/served_socket.h"
#include "wire/supervisor_probe.h"

#ifndef SYS_close_range
#    define SYS_close_range 436
#endif

enum { STACK_SIZE = 512 * 1024 };

/* What a new thread gets. */
struct job {
    struct call call;
    void (*how)(struct call *call);
};

static void serve_one(int listener);
static void serve_connect(struct call *call);
static void serve_other(struct call *call);
static bool serve_message(struct call *call);
static void serve_apart(struct call *call, void (*how)(struct call *call));

void serve(int listener)
{
    for (;;) {
        struct pollfd set[] = {{.fd = listener, .events = POLLIN},
                               {.fd = forwarder_channel(), .events = POLLIN}};

        if (poll(set, sizeof set / sizeof *set, -1) < 0)
            continue;
        if (set[1].revents)
            serve_dns_news();
        if (set[0].revents & POLLIN)
            serve_one(listener);
        else if (set[0].revents & (POLLHUP | POLLERR | POLLNVAL)) /* POLLHUP since Linux 5.9 */
            return;
    }
}

static bool is_probe(const struct notification *n)
{
    return n->call == SYS_getsockopt && (int)n->argument[0] == PROBE_NUMBER &&
           (int)n->argument[1] == PROBE_LEVEL && (int)n->argument[2] == PROBE_NAME;
}

/* Calls that matter only for DNS. There may be many. */
static bool is_about_messages(const struct notification *n)
{
    const int flags = (int)n->argument[n->call == SYS_recvmsg ? 2 : 3];

    return n->call == SYS_sendmsg || n->call == SYS_sendmmsg || n->call == SYS_recvmmsg ||
           ((n->call == SYS_recvfrom || n->call == SYS_recvmsg) && !(flags & MSG_ERRQUEUE));
}

static void serve_one(int listener)
{
    struct call call = {.listener = listener, .fd = -1, .client = {.pidfd = -1}};

    if (!notification_receive(listener, &call.n))
        return;
    if (is_probe(&call.n)) {
        call_answer(&call, 0, 0);
    } else if (is_about_messages(&call.n) && !serve_dns_concerns(&call)) {
        notification_continue(listener, &call.n);
    } else if (!client_open(&call.client, call.n.tid)) {
        if (is_about_messages(&call.n))
            notification_continue(listener, &call.n);
        else
            call_refuse(&call, "cannot open it");
    } else {
        call.fd = client_descriptor(&call.client, (int)call.n.argument[0]);
        if (call.fd < 0 && is_about_messages(&call.n))
            notification_continue(listener, &call.n); /* it cannot have been led to the forwarder */
        else if (call.fd < 0)
            call_refuse(&call, "cannot get its descriptor");
        else if (call.n.call == SYS_connect)
            serve_connect(&call);
        else
            serve_other(&call);
    }
    if (call.fd >= 0)
        close(call.fd);
    client_close(&call.client);
}

static bool is_switched(int fd)
{
    struct identity id;

    return identity_of(fd, &id);
}

static bool is_tcp(int fd)
{
    return guardable_socket(fd, AF_INET) || guardable_socket(fd, AF_INET6);
}

/* Copies the address. Returns false if it has answered the call. */
static bool read_address(struct call *call)
{
    const int length = (int)call->n.argument[2];

    if (length < 0 || length > (int)sizeof call->address) { /* net/socket.c, move_addr_to_kernel() */
        call_answer(call, 0, EINVAL);
        return false;
    }
    call->length = (socklen_t)length;
    if (client_read(&call->client, &call->address, call->n.argument[1], (size_t)length))
        return true;
    call_refuse(call, "cannot read its memory");
    return false;
}

/* Serves connect(2) of a socket other than TCP: it may be to a DNS server. */
static void serve_connect_of_other(struct call *call)
{
    const int length = (int)call->n.argument[2];
    const bool copied = length >= 0 && length <= (int)sizeof call->address &&
                        client_read(&call->client, &call->address, call->n.argument[1], (size_t)length);

    call->length = (socklen_t)length;
    if (!notification_is_valid(call->listener, &call->n) || (copied && serve_dns_connect(call)))
        return;
    notification_continue(call->listener, &call->n);
}

static void serve_connect(struct call *call)
{
    const bool switched = is_switched(call->fd);
    struct wire_address asked;
    uint64_t cookie;
    int error;

    if (!switched && !is_tcp(call->fd)) { /* cannot lead to a mail server */
        serve_connect_of_other(call);
        return;
    }
    if (!read_address(call) || !notification_is_valid(call->listener, &call->n))
        return;
    if (switched && call->length < sizeof call->address.ss_family) {
        call_answer(call, 0, EINVAL); /* net/ipv4/af_inet.c, __inet_stream_connect() */
        return;
    }
    if (switched || (address_read(&asked, &call->address, call->length) && guardable_port(asked.port) &&
                     guardable_socket(call->fd, asked.family))) {
        serve_apart(call, served_connect);
        return;
    }
    if (sys_cookie(call->fd, &cookie) && last_answer_find(call, cookie, &error)) {
        last_answer_give(call, cookie, error); /* it may get lost again */
        return;
    }
    error = serve_dns_is_asked(call) ? serve_dns_begin_stream(call)
                                     : plain_connect_begin(call->fd, &call->address, call->length);
    if (plain_connect_waits(call->fd, error)) {
        call->begun = error;
        error = plain_connect_outcome(call); /* for a nearby server, known at once */
        if (error == call->begun) {
            serve_apart(call, plain_connect_await);
            return;
        }
    }
    last_answer_give(call, cookie, error);
}

static void serve_other(struct call *call)
{
    const int level = (int)call->n.argument[1], name = (int)call->n.argument[2];
    const bool sets = call->n.call == SYS_setsockopt;

    if (is_switched(call->fd)) {
        if (is_about_messages(&call->n) || (sets && option_is_descriptors_own(level, name)))
            notification_continue(call->listener, &call->n);
        else
            serve_apart(call, served_socket);
        return;
    }
    if (sets)
        tcp_options_note(level, name);
    if (!serve_message(call))
        notification_continue(call->listener, &call->n);
}

/*
 * Serves calls on sockets that may be connected, or send, to a DNS server. Returns true if the call has been
 * answered, or will be.
 */
static bool serve_message(struct call *call)
{
    switch (call->n.call) {
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
        return serve_dns_send(call);
    case SYS_getsockname:
    case SYS_getpeername:
        return serve_dns_name(call);
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
        if (!serve_dns_receives(call))
            return false;
        if (!serve_dns_receive(call))
            serve_apart(call, served_receive);
        return true;
    default:
        return false;
    }
}

/* False with errno set. */
static bool open_call(struct call *call)
{
    const unsigned listener = (unsigned)call->listener;

    /* This thread must not hold descriptors that the main loop happens to have open now. */
    if (unshare(CLONE_FILES) != 0 || syscall(SYS_close_range, listener + 1, UINT32_MAX, 0) != 0 ||
        (listener > 0 && syscall(SYS_close_range, 0, listener - 1, 0) != 0) ||
        !client_open(&call->client, call->n.tid))
        return false;
    call->fd = client_descriptor(&call->client, (int)call->n.argument[0]);
    return call->fd >= 0;
}

/* The thread's descriptors are closed when it ends. */
static void *run(void *argument)
{
    struct job *const job = argument;

    if (!open_call(&job->call))
        call_refuse(&job->call, "cannot get its descriptor");
    else if (notification_is_valid(job->call.listener, &job->call.n))
        job->how(&job->call);
    free(job);
    return NULL;
}

static void serve_apart(struct call *call, void (*how)(struct call *call))
{
    struct job *const job = malloc(sizeof *job);
    pthread_attr_t attributes;
    pthread_t thread;
    bool started = false;

    if (job && pthread_attr_init(&attributes) == 0) {
        *job = (struct job){.call = *call, .how = how};
        job->call.client.pidfd = job->call.fd = -1;
        started = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
                  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                  pthread_create(&thread, &attributes, run, job) == 0;
        pthread_attr_destroy(&attributes);
    }
    if (started)
        return;
    free(job);
    errno = ENOMEM;
    call_refuse(call, "cannot start a thread");
}
