/*
 * The two TCP connections of `tls auto`: which of them counts, and what a program hears if neither does. And
 * what the monitor does about the second one: connect it once, to the address in the program's own request.
 */
#include "relay/race/race.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/grants.h"
#include "relay/race/same_options.h"
#include "tests/unit/cmocka_all.h"

enum port { OPEN, CLOSED, SILENT };

struct rig {
    int listener[2], filler[2]; /* of the first, of the alternative; -1: none */
    int first, program[2];
    struct files files;
    struct transport bare;
    struct plain plain;
    struct race race;
};

static struct sockaddr_in address_of(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return address;
}

static int connecting(const struct sockaddr_in *to)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_true(connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS);
    return fd;
}

/* A bound socket that does not listen refuses. One whose queue is full drops a SYN. */
static struct sockaddr_in make_port(struct rig *rig, int which, enum port port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    rig->listener[which] = fd;
    rig->filler[which] = -1;
    address = address_of(fd);
    if (port != CLOSED)
        assert_int_equal(listen(fd, port == SILENT ? 0 : 8), 0);
    if (port == SILENT) {
        rig->filler[which] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(rig->filler[which], (struct sockaddr *)&address, sizeof address), 0);
    }
    return address;
}

static void make_rig(struct rig *rig, enum port first, enum port alternative)
{
    static _Alignas(8) uint8_t message[WIRE_MESSAGE_LIMIT];
    const struct sockaddr_in one = make_port(rig, 0, first), other = make_port(rig, 1, alternative);
    struct guard_request request = {.filler = 1,
                                    .alternative = {.family = AF_INET, .port = ntohs(other.sin_port)}};
    struct grant *grant;

    memcpy(request.alternative.bytes, &other.sin_addr, sizeof other.sin_addr);
    grant = grant_for_message(message, wire_write_guard(message, &request), credentials_own());
    assert_non_null(grant);
    grant->alternative = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    rig->files = (struct files){.facts.grant = grant->number};
    grant_put(grant);
    rig->first = connecting(&one);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, rig->program), 0);
    assert_int_equal(write(rig->program[1], "", 1), 1); /* the kept byte */
    transport_over_socket(&rig->bare, rig->first);
    rig->plain = (struct plain){.transport = &rig->bare, .program = rig->program[0], .server = "server"};
    rig->race = (struct race){.files = &rig->files, .first = rig->first, .alternative = -1};
}

static void end_rig(struct rig *rig)
{
    const int fds[] = {rig->listener[0], rig->listener[1], rig->filler[0], rig->filler[1],
                       rig->first,       rig->program[0],  rig->program[1]};

    race_drop(&rig->race);
    grants_end_all();
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void each_pair_of_ports_has_its_end(void **state)
{
    static const struct {
        enum port first, alternative;
        enum race_end end;
        int64_t least, most; /* ms */
    } cases[] = {
        {OPEN, OPEN, RACE_FIRST, 0, RACE_PATIENCE},
        {OPEN, CLOSED, RACE_FIRST, 0, RACE_PATIENCE},
        {CLOSED, OPEN, RACE_ALTERNATIVE, 0, RACE_PATIENCE},
        {CLOSED, CLOSED, RACE_FAILED, 0, RACE_PATIENCE},
        {CLOSED, SILENT, RACE_FAILED, RACE_PATIENCE, 10 * RACE_PATIENCE},
        {SILENT, OPEN, RACE_ALTERNATIVE, RACE_DELAY, 10 * RACE_PATIENCE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        int64_t took;

        make_rig(&rig, cases[i].first, cases[i].alternative);
        took = -plain_now();
        assert_int_equal(race_run(&rig.race, &rig.plain), cases[i].end);
        took += plain_now();
        assert_true(took >= cases[i].least && took <= cases[i].most);
        assert_int_equal(rig.race.failed, cases[i].first == CLOSED ? ECONNREFUSED : 0);
        assert_true((rig.race.alternative >= 0) == (cases[i].end == RACE_ALTERNATIVE));
        end_rig(&rig);
    }
}

/* The library had the first one's error at once. */
static void a_failure_that_is_known_counts(void **state)
{
    struct rig rig;

    (void)state;
    make_rig(&rig, OPEN, CLOSED);
    rig.race.failed = EHOSTUNREACH;
    assert_int_equal(race_run(&rig.race, &rig.plain), RACE_FAILED);
    assert_int_equal(rig.race.failed, EHOSTUNREACH);
    end_rig(&rig);
}

static void a_program_that_leaves_ends_it(void **state)
{
    struct rig rig;

    (void)state;
    make_rig(&rig, SILENT, SILENT);
    close(rig.program[1]);
    rig.program[1] = -1;
    assert_int_equal(race_run(&rig.race, &rig.plain), RACE_GONE);
    end_rig(&rig);
}

static void without_an_alternative_the_first_counts(void **state)
{
    struct rig rig;

    (void)state;
    make_rig(&rig, CLOSED, OPEN);
    rig.race.begun = true;
    assert_int_equal(race_run(&rig.race, &rig.plain), RACE_FAILED);
    end_rig(&rig);
}

static void alternative_to_a_server_without_starttls(void **state)
{
    static const enum port ports[] = {OPEN, CLOSED, SILENT};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        bool gone;

        make_rig(&rig, OPEN, ports[i]);
        assert_int_equal(race_run(&rig.race, &rig.plain), RACE_FIRST);
        assert_int_equal(race_await_alternative(&rig.race, &rig.plain, RACE_DELAY, &gone), ports[i] == OPEN);
        assert_int_equal(rig.race.alternative_failed, ports[i] == CLOSED ? ECONNREFUSED : 0);
        assert_true(!gone && (rig.race.alternative >= 0) == (ports[i] == OPEN));
        end_rig(&rig);
    }
}

static void monitor_connects_once_and_never_waits(void **state)
{
    struct rig rig;
    struct grant *grant;
    int tcp;

    (void)state;
    make_rig(&rig, OPEN, OPEN);
    assert_int_equal(files_connect_alternative(&rig.files, &tcp), 0);
    close(tcp);
    assert_int_equal(files_connect_alternative(&rig.files, &tcp), EPERM);
    grant = grant_find(rig.files.facts.grant);
    grant->alternative = socket(AF_INET, SOCK_STREAM, 0); /* it would wait */
    grant_put(grant);
    assert_int_equal(files_connect_alternative(&rig.files, &tcp), EINVAL);
    end_rig(&rig);
}

static void socket_is_closed_with_its_grant(void **state)
{
    struct rig rig;
    struct grant *grant;
    int fd;

    (void)state;
    make_rig(&rig, OPEN, OPEN);
    grant = grant_find(rig.files.facts.grant);
    fd = grant->alternative;
    grant_put(grant);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    grant_end(rig.files.facts.grant);
    assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    end_rig(&rig);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

static void options_that_differ_go_along(void **state)
{
    const int from = socket(AF_INET, SOCK_STREAM, 0), to = socket(AF_INET, SOCK_STREAM, 0), seconds = 77,
              on = 1;
    const int room = option(to, SOL_SOCKET, SO_RCVBUF), small = 5000;
    struct linger cut = {.l_onoff = 1, .l_linger = 9}, got;
    socklen_t length = sizeof got;

    (void)state;
    setsockopt(from, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(from, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(from, SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
    setsockopt(from, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    same_options(from, to);
    assert_int_equal(option(to, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    assert_int_equal(option(to, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(getsockopt(to, SOL_SOCKET, SO_LINGER, &got, &length), 0);
    assert_memory_equal(&got, &cut, sizeof cut);
    assert_int_equal(option(to, SOL_SOCKET, SO_RCVBUF), room);
    close(from);
    close(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_of_ports_has_its_end),
        cmocka_unit_test(a_failure_that_is_known_counts),
        cmocka_unit_test(a_program_that_leaves_ends_it),
        cmocka_unit_test(without_an_alternative_the_first_counts),
        cmocka_unit_test(alternative_to_a_server_without_starttls),
        cmocka_unit_test(monitor_connects_once_and_never_waits),
        cmocka_unit_test(socket_is_closed_with_its_grant),
        cmocka_unit_test(options_that_differ_go_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
