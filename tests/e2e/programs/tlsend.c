/*
 * The server's end of a TLS connection. After the handshake, it does what few servers do: `tlsend CERTIFICATE
 * KEY PRIORITY ACTION TIMES [ANSWER] < SOCKET`, with a GnuTLS priority string.
 *
 * It reads until a line END. At each read it does ACTION TIMES times (`key-update`, `ticket`,
 * `hello-request`), and then sends a line "line N". To the first read it answers ANSWER instead, after at
 * most 20 times ACTION. What it read goes to standard output. It ends with close_notify.
 *
 * It uses GnuTLS because OpenSSL's server gives up when its request to renegotiate is refused.
 */
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int result, const char *what)
{
    if (result < 0 && gnutls_error_is_fatal(result)) {
        fprintf(stderr, "%s: %s\n", what, gnutls_strerror(result));
        exit(1);
    }
}

static void act(gnutls_session_t session, const char *action)
{
    static int asked;
    if (!strcmp(action, "key-update")) /* asks the peer for its own a few times: GnuTLS allows 8 a second */
        check(gnutls_session_key_update(session, asked++ < 5 ? GNUTLS_KU_PEER : 0), action);
    else if (!strcmp(action, "ticket"))
        check(gnutls_session_ticket_send(session, 1, 0), action);
    else if (!strcmp(action, "hello-request"))
        check(gnutls_rehandshake(session), action);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    gnutls_datum_t ticket_key;
    int result;

    check(gnutls_certificate_allocate_credentials(&credentials), "credentials");
    check(gnutls_certificate_set_x509_key_file(credentials, argv[1], argv[2], GNUTLS_X509_FMT_PEM), argv[1]);
    check(gnutls_init(&session, GNUTLS_SERVER), "session");
    check(gnutls_priority_set_direct(session, argv[3], NULL), argv[3]);
    check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), "credentials");
    check(gnutls_session_ticket_key_generate(&ticket_key), "ticket");
    check(gnutls_session_ticket_enable_server(session, &ticket_key), "ticket");
    gnutls_transport_set_int(session, 0);
    do
        result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    check(result, "handshake");

    char last[5] = "";
    for (int reads = 1; strcmp(last, "END\n") != 0; reads++) {
        char buffer[512], line[128];
        const ssize_t n = gnutls_record_recv(session, buffer, sizeof buffer);
        if (n == 0)
            break;
        check((int)n, "read"); /* the alert that refuses a renegotiation is not fatal */
        if (n < 0) {           /* do not ask again then: requests would multiply */
            reads--;
            continue;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (buffer[i] == '\r')
                continue;
            memmove(last, last + 1, 3);
            last[3] = buffer[i];
        }
        if (n > 0)
            fwrite(buffer, 1, (size_t)n, stdout);
        /* Each refusal of a renegotiation is a read too, so the first answer must not take too many. */
        for (int times = reads == 1 && argc > 6 && atoi(argv[5]) > 20 ? 20 : atoi(argv[5]); times > 0;
             times--)
            act(session, argv[4]);
        snprintf(line, sizeof line, "%s", reads == 1 && argc > 6 ? argv[6] : "");
        if (line[0] == '\0')
            snprintf(line, sizeof line, "line %d\r\n", reads);
        do
            result = (int)gnutls_record_send(session, line, strlen(line));
        while (result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED);
        check(result, "write");
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
    for (;;) { /* bytes left unread would reset the connection, and lose our last lines */
        char buffer[512];
        const ssize_t n = gnutls_record_recv(session, buffer, sizeof buffer);
        if (n == 0 || (n < 0 && gnutls_error_is_fatal((int)n)))
            break;
    }
    return 0;
}
