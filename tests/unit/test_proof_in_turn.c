/*
 * When the relay asks its own question: a program that began with a secret in one connection is asked for
 * sooner in the next.
 */
#include "relay/protocol/proof.h"

#include "tests/unit/peer.h"

/*
 * One connection after another. The program says `words` once it has read its greeting, and `read` is what it
 * reads in all. `said_first`: it has spoken before the greeting comes, so all of it is there at once.
 */
static const struct {
    const char *words;
    bool said_first;
    bool asks_first; /* afterwards */
    const char *script[STEPS_LIMIT], *read;
    enum proof_end end;
} in_turn[] = {
    {"a1 LOGIN x y\r\n",
     true,
     true,
     {"C%t CAPABILITY", "S* CAPABILITY X\r\n%t OK\r\n"},
     "* OK hi\r\n",
     PROOF_GIVEN},
    /* Now the question comes before the program says anything. */
    {"", false, true, {"C%t CAPABILITY", "S* CAPABILITY X\r\n%t OK\r\n"}, "* OK hi\r\n", PROOF_GIVEN},
    /* Once more; but the program's own question would have done. It waits for the pump. */
    {"a1 NOOP\r\n",
     true,
     false,
     {"C%t CAPABILITY", "S* CAPABILITY X\r\n%t OK\r\n"},
     "* OK hi\r\n",
     PROOF_GIVEN},
    {"a1 NOOP\r\n", true, false, {"Ca1 NOOP", "Sa1 OK\r\n"}, "* OK hi\r\na1 OK\r\n", PROOF_GIVEN},
    {"a1 LOGIN x y\r\n",
     true,
     true,
     {"C%t CAPABILITY", "S* CAPABILITY X\r\n%t OK\r\n"},
     "* OK hi\r\n",
     PROOF_GIVEN},
    {"a1 LOGIN x y\r\n", true, true, {"C%t CAPABILITY", "SHTTP/1.1 400\r\n"}, "* OK hi\r\n", PROOF_FAILED},
    {"a1 LOGIN x y\r\n", false, true, {"C%t CAPABILITY", "S%t OK\r\n"}, "* OK hi\r\n", PROOF_FAILED},
};

static void play_in_turn(size_t i, _Atomic bool *asks_first)
{
    static const char greeting[] = "* OK hi\r\n";
    const struct local_address local = peer_loopback();
    struct transport transport;
    struct buffer unsent = {.bytes = NULL}, said = {.bytes = NULL};
    struct plain plain = {
        .transport = &transport, .program = -1, .server = "mail.example.org", .kept = &unsent};
    _Atomic uint64_t up = 0, down = 0;
    struct failure why = {.kind = FAILURE_NONE};
    struct starttls_watch watch;
    pthread_t thread;
    struct peer peer;
    struct relay_end end;
    int pair[2], room, client;
    char read[512] = "";
    size_t length = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(send(pair[0], "", 1, 0), 1);
    room = relay_end_room_of(pair[0]);
    assert_true(room >= 0 && relay_end_open(&end, pair[1], room, 1));
    assert_true(buffer_append(&unsent, greeting, strlen(greeting)));
    if (in_turn[i].said_first)
        assert_int_equal(send(pair[0], in_turn[i].words, strlen(in_turn[i].words), 0),
                         strlen(in_turn[i].words));
    peer_start(&peer, &thread, in_turn[i].script, false, &client);
    transport_over_socket(&transport, client);
    starttls_watch_begin(&watch, &protocol_imap);
    struct proof proof = {.server = &plain,
                          .program = &end,
                          .protocol = &protocol_imap,
                          .local = &local,
                          .watch = &watch,
                          .patience = 30000,
                          .asks_first = asks_first,
                          .up = &up,
                          .down = &down,
                          .unsent = &unsent,
                          .said = &said};
    assert_int_equal(proof_run(&proof, &why), in_turn[i].end);
    close(client);
    pthread_join(thread, NULL);
    for (ssize_t n; (n = recv(pair[0], read + length, sizeof read - 1 - length, MSG_DONTWAIT)) > 0;)
        length += (size_t)n;
    if (buffer_used(&unsent) > 0)
        memcpy(read + length, unsent.bytes + unsent.begin, buffer_used(&unsent));
    assert_string_equal(read, in_turn[i].end == PROOF_FAILED ? greeting : in_turn[i].read);
    assert_string_equal(peer.wrong, "");
    assert_int_equal(peer.more_length, 0);
    assert_int_equal(*asks_first, in_turn[i].asks_first);
    buffer_drop(&unsent);
    buffer_drop(&said);
    close(pair[0]);
    close(pair[1]);
    close(room);
}

static void the_last_connection_says_when_to_ask(void **state)
{
    _Atomic bool asks_first = false;

    (void)state;
    for (size_t i = 0; i < sizeof in_turn / sizeof in_turn[0]; i++)
        play_in_turn(i, &asks_first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_connection_says_when_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
