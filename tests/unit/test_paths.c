/*
 * The relay has the rights of the user who started it, and a program that gave them up still has the token.
 * What it may not do itself, the relay must not do for it: a line at the end of any file of root's, say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/request_peer.h"

enum { OTHER = 65534 };

/* What is in the log `path` after a connection whose policy says so; NULL: there is none. */
static char *logged_by(uid_t user, const char *path)
{
    struct request_made m;
    FILE *log;
    char *text = NULL;
    size_t size = 0;

    request_make(&m);
    m.request.settings.log = path;
    request_user = user;
    assert_int_equal(request_hand_over(&m), 0);
    request_user = geteuid();
    request_close_relays_side(&m);
    assert_int_equal(send(m.server, "* BYE busy\r\n", 12, 0), 12);
    request_expect_text(m.program, "* BYE retrotls: ");
    request_unmake(&m);
    log = fopen(path, "r");
    if (log) {
        assert_true(getdelim(&text, &size, '\0', log) > 0);
        fclose(log);
    }
    return text;
}

static void another_user_names_no_new_log(void **state)
{
    char folder[] = "/tmp/retrotls-log-XXXXXX", known[64], fresh[64];
    char *once, *twice;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder));
    snprintf(known, sizeof known, "%s/known", folder);
    snprintf(fresh, sizeof fresh, "%s/fresh", folder);
    assert_null(logged_by(OTHER, fresh));
    once = logged_by(geteuid(), known);
    assert_non_null(strstr(once, "result=failed"));
    twice = logged_by(OTHER, known);
    assert_true(strlen(twice) > strlen(once));
    assert_null(logged_by(OTHER, fresh));
    free(once);
    free(twice);
    unlink(known);
    unlink(fresh);
    rmdir(folder);
}

static void expect_with_certificate(uid_t user, const char *path, const char *greeting)
{
    struct request_made m;

    request_make(&m);
    m.request.settings.client_cert = path;
    request_user = user;
    assert_int_equal(request_hand_over(&m), 0);
    request_user = geteuid();
    request_close_relays_side(&m);
    send(m.server, "* BYE busy\r\n", 12, MSG_NOSIGNAL);
    request_expect_text(m.program, greeting);
    request_unmake(&m);
}

static void another_user_names_no_new_certificate(void **state)
{
    static const char refused[] = "* BYE retrotls: the program has become another user",
                      heard[] = "* BYE retrotls: service refused";

    (void)state;
    if (geteuid() != 0)
        skip();
    expect_with_certificate(OTHER, "/a/certificate", refused);
    expect_with_certificate(geteuid(), "/a/certificate", heard);
    expect_with_certificate(OTHER, "/a/certificate", heard);
    expect_with_certificate(OTHER, "/another/certificate", refused);
    expect_with_certificate(OTHER, NULL, heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_user_names_no_new_log),
        cmocka_unit_test(another_user_names_no_new_certificate),
    };

    return cmocka_run_group_tests(tests, request_start, NULL);
}
