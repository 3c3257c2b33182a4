/*
 * The files that a policy names may change while a program runs. Their content counts from the next
 * connection on, and one that is no longer a file does not keep anybody waiting.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/tls_peer.h"

static const struct text_list asked = {.count = 1, .item = {"mail.example"}};

static void copy_into(const char *to, const char *from)
{
    char text[8192];
    FILE *file = fopen(from, "r");
    size_t length;

    assert_non_null(file);
    length = fread(text, 1, sizeof text, file);
    fclose(file);
    file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
}

/* As `cp -p` and rsync(1) do: the same file gets other content, and keeps its time stamp. */
static void a_file_that_was_written_over_counts_at_once(void **state)
{
    SSL_CTX *context = peer_context(&peer_shown, NULL);
    struct settings settings = peer_settings(LEVEL_SECURE);
    struct peer_authority other;
    char file[] = "/tmp/retrotls-ca-XXXXXX";
    struct stat before;

    (void)state;
    close(mkstemp(file));
    peer_authority_open(&other);
    copy_into(file, peer_trusted.file);
    settings.ca_file = file;
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    assert_int_equal(stat(file, &before), 0);
    copy_into(file, other.file);
    assert_int_equal(utimensat(AT_FDCWD, file, (struct timespec[]){before.st_atim, before.st_mtim}, 0), 0);
    assert_false(peer_handshake(context, &settings, &asked, NULL).done);
    copy_into(file, peer_trusted.file);
    assert_true(peer_handshake(context, &settings, &asked, NULL).done);
    unlink(file);
    peer_authority_close(&other);
    SSL_CTX_free(context);
}

/* The named file was a regular one when the policy was read, and no longer is. */
static void expect_refused(struct settings settings, const char *name)
{
    SSL_CTX *context = peer_context(&peer_shown, NULL);
    const struct peer_seen seen = peer_handshake(context, &settings, &asked, NULL);

    assert_false(seen.done);
    assert_int_equal(seen.why.kind, FAILURE_TLS_SETTING);
    if (!strstr(seen.why.text, name) || !strstr(seen.why.text, "not a regular file"))
        fail_msg("%s", seen.why.text);
    SSL_CTX_free(context);
}

static void what_is_no_file_keeps_nobody_waiting(void **state)
{
    char folder[] = "/tmp/retrotls-fifo-XXXXXX", fifo[64];
    const char *const places[] = {fifo, "/dev/zero"};

    (void)state;
    alarm(30);
    assert_non_null(mkdtemp(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct settings settings = peer_settings(LEVEL_SECURE);

        settings.crl_file = places[i];
        expect_refused(settings, "'crl-file ");
        settings = peer_settings(LEVEL_SECURE);
        settings.client_cert = places[i];
        expect_refused(settings, "'client-cert ");
        settings = peer_settings(LEVEL_SECURE);
        settings.ca_file = places[i];
        expect_refused(settings, "'ca-file ");
    }
    unlink(fifo);
    rmdir(folder);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_was_written_over_counts_at_once),
        cmocka_unit_test(what_is_no_file_keeps_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
