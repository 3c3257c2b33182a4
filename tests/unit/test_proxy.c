/*
 * What a write asks of a proxy. Misread it, and a guarded server is reached through the proxy in clear text.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cmocka_all.h"
#include "preload/adopt/proxy.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Of exactly that size, so that sanitizers notice a byte read beyond the end. */
static enum proxy_words read_exact(const uint8_t *bytes, size_t length, struct proxy_target *target)
{
    uint8_t *const exact = malloc(length + (length == 0));
    enum proxy_words words;

    assert_non_null(exact);
    memcpy(exact, bytes, length);
    words = proxy_read(exact, length, target);
    free(exact);
    return words;
}

static void asks(const uint8_t *bytes, size_t length, const char *host, const char *address, unsigned port)
{
    struct proxy_target target;
    char text[INET6_ADDRSTRLEN] = "";

    assert_int_equal(read_exact(bytes, length, &target), PROXY_REQUEST);
    assert_string_equal(target.host, host);
    assert_int_equal(target.address.port, port);
    if (target.address.family != 0)
        assert_non_null(inet_ntop(target.address.family, target.address.bytes, text, sizeof text));
    assert_string_equal(text, address);
    for (size_t cut = 0; cut < length; cut++) /* no part of it is a request of another kind */
        if (read_exact(bytes, cut, &target) == PROXY_REQUEST)
            assert_true(bytes[0] == 'C'); /* for HTTP the first line is enough */
}

static void requests_tell_where_to(void **state)
{
    (void)state;
    asks(BYTES("\5\1\0\1\300\0\2\7\0\217"), "", "192.0.2.7", 143);
    asks(BYTES("\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\0\31"), "", "2001:db8::1", 25);
    asks(BYTES("\5\1\0\3\20imap.example.org\0\217"), "imap.example.org", "", 143);
    asks(BYTES("\5\1\0\3\011127.0.0.1\0\156"), "127.0.0.1", "127.0.0.1", 110);
    asks(BYTES("\4\1\0\217\300\0\2\7\0"), "", "192.0.2.7", 143);
    asks(BYTES("\4\1\0\217\300\0\2\7me\0"), "", "192.0.2.7", 143);
    asks(BYTES("\4\1\0\31\0\0\0\1me\0mail.example.org\0"), "mail.example.org", "", 25);
    asks(BYTES("CONNECT mail.example.org:587 HTTP/1.0\r\n\r\n"), "mail.example.org", "", 587);
    asks(BYTES("CONNECT [2001:db8::1]:143 HTTP/1.1\r\n"), "2001:db8::1", "2001:db8::1", 143);
    asks(BYTES("CONNECT 192.0.2.7:143 HTTP/1.1\r\n"), "192.0.2.7", "192.0.2.7", 143);
}

static void greetings_ask_for_nothing(void **state)
{
    struct proxy_target target;

    (void)state;
    assert_int_equal(read_exact(BYTES("\5\1\0"), &target), PROXY_GREETING);
    assert_int_equal(read_exact(BYTES("\5\2\0\2"), &target), PROXY_GREETING);
    assert_int_equal(read_exact(BYTES("\1\2me\6secret"), &target), PROXY_GREETING);
}

static void all_else_is_the_programs(void **state)
{
    struct proxy_target target;

    (void)state;
    assert_int_equal(read_exact(BYTES(""), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("EHLO me\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("a1 LOGIN test secret\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("CONNECT\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("CONNECT mail.example.org HTTP/1.0\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("CONNECT mail.example.org:99999 HTTP/1.0\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("CONNECT mail.example.org:1x HTTP/1.0\r\n"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("\5\1\0\2\300\0\2\7\0\217"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("\5\1\0\3\0\0\217"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("\5\1\0\3\3a\0b\0\217"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("\4\1\0\31\0\0\0\1me\0\0"), &target), PROXY_OTHER);
    assert_int_equal(read_exact(BYTES("\4\1\0\31\0\0\0\1me\0"), &target), PROXY_OTHER);
}

static void any_bytes_are_read_within_their_length(void **state)
{
    uint8_t bytes[64];
    struct proxy_target target;

    (void)state;
    srandom(1);
    for (int round = 0; round < 200000; round++) {
        static const uint8_t first[] = {5, 4, 1, 'C'};
        const size_t length = (size_t)random() % sizeof bytes;

        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(random() % 4 ? random() % 8 : random());
        bytes[0] = first[random() % 4];
        read_exact(bytes, length, &target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_tell_where_to),
        cmocka_unit_test(greetings_ask_for_nothing),
        cmocka_unit_test(all_else_is_the_programs),
        cmocka_unit_test(any_bytes_are_read_within_their_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
