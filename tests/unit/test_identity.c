/* A descriptor's identity survives being written as a name, and no other name is taken for one. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preload/descriptor/identity.h"
#include "preload/sys/sys.h"
#include "tests/unit/cmocka_all.h"

static struct identity sample(int family, const char *peer, const char *local, uint32_t scope)
{
    struct identity id = {.peer = {.family = (uint16_t)family, .port = 143, .scope = scope},
                          .local = {.family = (uint16_t)family, .port = 40001, .scope = scope},
                          .cookie = 0x1f00};

    assert_int_equal(inet_pton(family, peer, id.peer.bytes), 1);
    assert_int_equal(inet_pton(family, local, id.local.bytes), 1);
    return id;
}

static struct sockaddr_un name_of(const char *text, socklen_t *length)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    memcpy(name.sun_path + 1, text, strlen(text));
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
    return name;
}

static void assert_survives(const struct identity *id)
{
    struct sockaddr_un name;
    struct identity got;
    const socklen_t length = identity_write(&name, id);

    assert_true(length <= sizeof name);
    assert_true(identity_read(&got, &name, length));
    assert_memory_equal(&got, id, sizeof got);
}

static void identity_survives_its_name(void **state)
{
    const struct identity v4 = sample(AF_INET, "192.0.2.1", "10.0.0.7", 0);
    const struct identity v6 = sample(AF_INET6, "2001:db8::1", "::1", 0);

    (void)state;
    assert_survives(&v4);
    assert_survives(&v6);
}

static void longest_name_fits_a_unix_address(void **state)
{
    struct identity id = sample(AF_INET6, "fe80::1", "fe80::2", 0xffff);
    struct sockaddr_un name;

    (void)state;
    id.cookie = UINT64_MAX;
    assert_survives(&id);
    id.peer.scope = UINT32_MAX;
    assert_int_equal(identity_write(&name, &id), 0);
}

static void name_is_as_documented(void **state)
{
    const struct identity id = sample(AF_INET, "192.0.2.1", "10.0.0.7", 0);
    struct sockaddr_un name;
    const socklen_t length = identity_write(&name, &id);

    (void)state;
    assert_int_equal(length, offsetof(struct sockaddr_un, sun_path) + 1 + 41);
    assert_memory_equal(name.sun_path, "\0retrotls/1 c0000201008f 0a0000079c41 1f00", 42);
}

static void a_relay_is_reached_by_its_documented_name(void **state)
{
    static const uint8_t relay[RELAY_NAME_SIZE] = {0x00, 0x11, [15] = 0xff};
    static const char text[] = "retrotls/1 relay 001100000000000000000000000000ff";
    struct sockaddr_un name;
    struct identity id;
    const socklen_t length = identity_write_relay(&name, relay);

    (void)state;
    assert_int_equal(length, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
    assert_memory_equal(name.sun_path + 1, text, strlen(text));
    assert_false(identity_read(&id, &name, length));
}

static void any_other_name_is_none(void **state)
{
    static const char *const names[] = {
        "retrotls/1 ",
        "retrotls/2 c0000201008f 0a0000079c41 1f00",
        "retrotls/1 c0000201008f 0a0000079c41",
        "retrotls/1 c0000201008f 0a0000079c41 ",
        "retrotls/1 c0000201008f 0a0000079c41 1f00 ",
        "retrotls/1 c0000201008f 0a0000079c41 1F00",
        "retrotls/1 c0000201008f 0a0000079c41 11111111111111111",
        "retrotls/1 c0000201008f  0a0000079c41 1f00",
        "retrotls/1 c0000201008 0a0000079c41 1f00",
        "retrotls/1 c0000201008ff 0a0000079c41 1f00",
        "retrotls/1 c0000201008f% 0a0000079c41 1f00",
        "retrotls/1 c0000201008f%123456789 0a0000079c41 1f00",
        "retrotls/1 c0000201008f 0a0000079c41%1 1f00",
        "retrotls/1 c0000201008f 000000000000000000000000000000019c41 1f00",
        "retrotls/1 ok 00000000000000000000000000000000 1f00",
        "retrotls/1 relay 00000000000000000000000000000000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        socklen_t length;
        struct identity id;
        const struct sockaddr_un name = name_of(names[i], &length);

        if (identity_read(&id, &name, length))
            fail_msg("taken: %s", names[i]);
    }
}

static void every_truncation_of_a_name_is_none_or_another(void **state)
{
    const struct identity id = sample(AF_INET6, "fe80::1", "fe80::2", 3);
    struct sockaddr_un name;
    const socklen_t length = identity_write(&name, &id);
    struct identity got;

    (void)state;
    for (socklen_t cut = 0; cut < length; cut++) {
        if (identity_read(&got, &name, cut))
            assert_true(got.cookie != id.cookie);
    }
    name.sun_path[0] = 'x'; /* a path, not an abstract name */
    assert_false(identity_read(&got, &name, length));
}

static void outcome_is_told_by_the_peers_name(void **state)
{
    struct peer_state peer;
    uint64_t cookie;
    socklen_t length;
    struct sockaddr_un name = name_of("retrotls/1 ok 000102030405060708090a0b0c0d0e0f 1f", &length);

    (void)state;
    assert_true(identity_read_peer(&peer, &cookie, &name, length));
    assert_int_equal(peer.state, OUTCOME_CONNECTED);
    assert_true(peer.relay_known && peer.relay[15] == 15 && cookie == 0x1f);

    name = name_of("retrotls/1 E111 000102030405060708090a0b0c0d0e0f 1f", &length);
    assert_true(identity_read_peer(&peer, &cookie, &name, length));
    assert_int_equal(peer.state, OUTCOME_FAILED);
    assert_int_equal(peer.error, 111);
}

static void other_peer_names_tell_nothing(void **state)
{
    static const char *const names[] = {
        "retrotls/1 E 000102030405060708090a0b0c0d0e0f 1f",
        "retrotls/1 E0 000102030405060708090a0b0c0d0e0f 1f",
        "retrotls/1 E11111 000102030405060708090a0b0c0d0e0f 1f",
        "retrotls/1 E-5 000102030405060708090a0b0c0d0e0f 1f",
        "retrotls/1 okay 000102030405060708090a0b0c0d0e0f 1f",
        "retrotls/1 ok 000102030405060708090a0b0c0d0e 1f",
        "retrotls/1 ok 000102030405060708090a0b0c0d0e0f ",
        "retrotls/1 o",
        "retrotls/1 relay 000102030405060708090a0b0c0d0e0f",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct peer_state peer;
        uint64_t cookie;
        socklen_t length;
        const struct sockaddr_un name = name_of(names[i], &length);

        if (identity_read_peer(&peer, &cookie, &name, length))
            fail_msg("taken: %s", names[i]);
    }
}

static void only_the_socket_of_that_cookie_is_ours(void **state)
{
    struct identity id = sample(AF_INET, "192.0.2.1", "10.0.0.7", 0), got;
    struct sockaddr_un name;
    socklen_t length;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    errno = EDOM;
    assert_false(identity_of(pair[0], &got));
    assert_true(sys_cookie(pair[0], &id.cookie));
    length = identity_write(&name, &id);
    assert_int_equal(bind(pair[1], (struct sockaddr *)&name, length), 0); /* a stranger binds that name */
    errno = EDOM;
    assert_false(identity_of(pair[1], &got));
    close(pair[1]);
    assert_int_equal(bind(pair[0], (struct sockaddr *)&name, length), 0);
    errno = EDOM;
    assert_true(identity_of(pair[0], &got));
    assert_int_equal(errno, EDOM);
    assert_memory_equal(&got, &id, sizeof id);
    close(pair[0]);
    assert_false(identity_of(-1, &got));
}

static void outcome_follows_the_relays_end(void **state)
{
    struct identity id = sample(AF_INET, "192.0.2.1", "10.0.0.7", 0);
    socklen_t length;
    struct sockaddr_un name;
    char text[100];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(sys_cookie(pair[0], &id.cookie));
    assert_int_equal(identity_outcome(pair[0], &id).state, OUTCOME_PENDING);
    snprintf(text, sizeof text, "retrotls/1 ok 000102030405060708090a0b0c0d0e0f %llx",
             (unsigned long long)id.cookie);
    name = name_of(text, &length);
    assert_int_equal(bind(pair[1], (struct sockaddr *)&name, length), 0);
    assert_int_equal(identity_outcome(pair[0], &id).state, OUTCOME_CONNECTED);
    id.cookie ^= 1; /* a name made for another descriptor */
    assert_int_equal(identity_outcome(pair[0], &id).state, OUTCOME_PENDING);
    id.cookie ^= 1;
    close(pair[1]);
    assert_int_equal(identity_outcome(pair[0], &id).state, OUTCOME_CONNECTED);
    close(pair[0]);

    /* A relay that was killed before it could name its end. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    assert_int_equal(identity_outcome(pair[0], &id).state, OUTCOME_FAILED);
    assert_int_equal(identity_outcome(pair[0], &id).error, ECONNRESET);
    close(pair[0]);
}

static void addresses_are_read_as_the_kernel_reads_them(void **state)
{
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(25), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(25), .sin6_scope_id = 4};
    struct wire_address got;

    (void)state;
    assert_true(address_read(&got, &v4, sizeof v4) && got.family == AF_INET && got.port == 25);
    assert_false(address_read(&got, &v4, sizeof v4 - 1));
    assert_true(address_read(&got, &v6, sizeof v6) && got.scope == 4);
    assert_true(address_read(&got, &v6, 24) && got.scope == 0 && got.port == 25); /* RFC 2133's length */
    assert_false(address_read(&got, &v6, 23));
    assert_false(address_read(&got, &v6, 1));
    assert_false(address_read(&got, NULL, sizeof v4));
    v4.sin_family = AF_UNSPEC;
    assert_false(address_read(&got, &v4, sizeof v4));
}

static void addresses_survive_the_kernels_form(void **state)
{
    struct identity all[] = {sample(AF_INET, "192.0.2.1", "10.0.0.7", 0),
                             sample(AF_INET6, "fe80::1", "::ffff:192.0.2.1", 3)};
    struct sockaddr_storage address;
    struct wire_address got;

    (void)state;
    for (int i = 0; i < 2; i++) {
        const socklen_t length = address_write(&address, &all[i].peer);

        assert_int_equal(length, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        assert_true(address_read(&got, &address, length));
        assert_memory_equal(&got, &all[i].peer, sizeof got);
        assert_true(address_read(&got, &address, address_write(&address, &all[i].local)));
        assert_memory_equal(&got, &all[i].local, sizeof got);
    }
}

static void mapped_address_is_the_ipv4_one(void **state)
{
    struct identity id = sample(AF_INET6, "::ffff:192.0.2.1", "::2", 0);
    const struct wire_address plain = address_unmapped(&id.peer);

    (void)state;
    assert_int_equal(plain.family, AF_INET);
    assert_int_equal(plain.port, 143);
    assert_memory_equal(plain.bytes, "\xc0\x00\x02\x01", 4);
    id.local.bytes[10] = 0xff; /* ::ff00:0:2, not mapped */
    assert_int_equal(address_unmapped(&id.local).family, AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_survives_its_name),
        cmocka_unit_test(longest_name_fits_a_unix_address),
        cmocka_unit_test(name_is_as_documented),
        cmocka_unit_test(a_relay_is_reached_by_its_documented_name),
        cmocka_unit_test(any_other_name_is_none),
        cmocka_unit_test(every_truncation_of_a_name_is_none_or_another),
        cmocka_unit_test(outcome_is_told_by_the_peers_name),
        cmocka_unit_test(other_peer_names_tell_nothing),
        cmocka_unit_test(only_the_socket_of_that_cookie_is_ours),
        cmocka_unit_test(outcome_follows_the_relays_end),
        cmocka_unit_test(addresses_are_read_as_the_kernel_reads_them),
        cmocka_unit_test(addresses_survive_the_kernels_form),
        cmocka_unit_test(mapped_address_is_the_ipv4_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
