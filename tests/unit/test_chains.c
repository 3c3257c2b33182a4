/*
 * A chain is as good as each of its certificates: what is wrong with one in its middle is wrong with the
 * server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

/* A handshake at level secure with a server whose certificate `middle` has issued, and that shows both. */
static struct peer_seen behind(const struct identity_of_peer *middle, const char *crl_file)
{
    struct identity_of_peer shown = peer_certificate(&(struct wish){.san = "DNS:mail.example"}, middle);
    SSL_CTX *context = peer_context(&shown, middle->certificate);
    struct settings settings = peer_settings(LEVEL_SECURE);
    struct peer_seen seen;

    settings.crl_file = crl_file;
    seen = peer_handshake(context, &settings, &asked, NULL);
    SSL_CTX_free(context);
    peer_certificate_free(&shown);
    return seen;
}

static void a_weak_or_old_certificate_in_the_middle_is_refused(void **state)
{
    static const struct {
        struct wish wish;
        bool good;
        enum failure_kind kind;
    } cases[] = {
        {{.cn = "Good", .ca = true}, true, FAILURE_NONE},
        {{.cn = "Small", .ca = true, .rsa_bits = 1024}, false, FAILURE_CERTIFICATE_INVALID},
        {{.cn = "SHA-1", .ca = true, .sha1 = true}, false, FAILURE_CERTIFICATE_INVALID},
        {{.cn = "Expired", .ca = true, .begin = -9, .end = -2}, false, FAILURE_CERTIFICATE_EXPIRED},
        {{.cn = "Early", .ca = true, .begin = 2, .end = 9}, false, FAILURE_CERTIFICATE_EARLY},
        {{.cn = "No CA"}, false, FAILURE_CERTIFICATE_NO_CA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct identity_of_peer middle = peer_certificate(&cases[i].wish, &peer_trusted.root);
        const struct peer_seen seen = behind(&middle, NULL);

        if (seen.done != cases[i].good || seen.why.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].wish.cn, seen.why.text);
        peer_certificate_free(&middle);
    }
}

/* The list of `one`, and behind it that of `other`, in one file. */
static void two_lists(char file[], const struct identity_of_peer *one, const struct identity_of_peer *other,
                      X509 *revoked)
{
    char text[8192];
    size_t length;
    FILE *stream;

    peer_crl_to_file(one, NULL, file);
    stream = fopen(file, "r");
    assert_non_null(stream);
    length = fread(text, 1, sizeof text, stream);
    fclose(stream);
    peer_crl_to_file(other, revoked, file);
    stream = fopen(file, "a");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, length, stream), length);
    fclose(stream);
}

/* Of the server's own certificate a list must be there; of the others, what there is counts. */
static void a_revoked_certificate_in_the_middle_is_refused(void **state)
{
    struct identity_of_peer middle =
        peer_certificate(&(struct wish){.cn = "Middle", .ca = true}, &peer_trusted.root);
    char file[] = "/tmp/retrotls-crl-XXXXXX";
    struct peer_seen seen;

    (void)state;
    close(mkstemp(file));
    peer_crl_to_file(&middle, NULL, file);
    assert_true(behind(&middle, file).done);
    two_lists(file, &middle, &peer_trusted.root, NULL);
    assert_true(behind(&middle, file).done);
    two_lists(file, &middle, &peer_trusted.root, middle.certificate);
    seen = behind(&middle, file);
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_REVOKED);
    peer_crl_to_file(&peer_trusted.root, NULL, file);
    seen = behind(&middle, file);
    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_CERTIFICATE_NO_CRL);
    unlink(file);
    peer_certificate_free(&middle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weak_or_old_certificate_in_the_middle_is_refused),
        cmocka_unit_test(a_revoked_certificate_in_the_middle_is_refused),
    };

    return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
