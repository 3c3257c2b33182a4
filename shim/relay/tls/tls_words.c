#include "relay/tls/tls_words.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "relay/tls/tls_settings.h"

/* What OpenSSL's reasons mean for us. Any other is reported in its own words. */
static const struct {
    int reason;
    enum failure_kind kind;
} causes[] = {
    /* Not TLS at all: no record begins with these bytes, or its size is impossible. */
    {SSL_R_WRONG_VERSION_NUMBER, FAILURE_TLS_NOT_TLS},
    {SSL_R_HTTP_REQUEST, FAILURE_TLS_NOT_TLS},
    {SSL_R_PACKET_LENGTH_TOO_LONG, FAILURE_TLS_NOT_TLS},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, FAILURE_TLS_NOT_TLS},
    {SSL_R_UNSUPPORTED_PROTOCOL, FAILURE_TLS_VERSION},
    {SSL_R_WRONG_SSL_VERSION, FAILURE_TLS_VERSION},
    {SSL_R_VERSION_TOO_LOW, FAILURE_TLS_VERSION},
    {SSL_R_VERSION_TOO_HIGH, FAILURE_TLS_VERSION},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, FAILURE_TLS_VERSION},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, FAILURE_TLS_VERSION},
    {SSL_R_DH_KEY_TOO_SMALL, FAILURE_TLS_WEAK},
    {SSL_R_EE_KEY_TOO_SMALL, FAILURE_TLS_WEAK},
    {SSL_R_CA_KEY_TOO_SMALL, FAILURE_TLS_WEAK},
    {SSL_R_CA_MD_TOO_WEAK, FAILURE_TLS_WEAK},
    {SSL_R_WRONG_SIGNATURE_TYPE, FAILURE_TLS_WEAK},
    {SSL_R_WRONG_CIPHER_RETURNED, FAILURE_TLS_WEAK},
    {SSL_R_UNKNOWN_CIPHER_RETURNED, FAILURE_TLS_WEAK},
    {SSL_R_WRONG_CURVE, FAILURE_TLS_WEAK},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, FAILURE_TLS_RENEGOTIATION},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, FAILURE_TLS_CLOSED},
};

/*
 * A server that supports none of the ciphers, groups and signatures in a ClientHello answers with one of
 * these alerts (RFC 5246, 7.2.2; RFC 8446, 6.2) instead of its ServerHello. It does not say what it would
 * accept.
 */
static bool has_nothing_in_common(const struct tls *tls, int alert)
{
    return SSL_get_state(tls->ssl) == TLS_ST_CW_CLNT_HELLO &&
           (alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_INSUFFICIENT_SECURITY);
}

static enum failure_kind kind_of_alert(const struct tls *tls, int alert)
{
    const struct settings *s = tls->check.settings;

    if (!has_nothing_in_common(tls, alert))
        return FAILURE_TLS_ALERT;
    /* If the policy sets `groups`, they are as likely the cause. */
    return tls_modern_ciphers_only(s) && !s->groups && s->tls_min <= SETTINGS_TLS_1_2
               ? FAILURE_TLS_NO_MODERN_CIPHER
               : FAILURE_TLS_NO_CIPHER;
}

void tls_explain(const struct tls *tls, int ssl_error, struct failure *why)
{
    const unsigned long first = ERR_peek_error();
    const int reason = ERR_GET_REASON(first);
    const char *words = ERR_reason_error_string(first);
    const char *server = tls->check.server;

    if (tls->check.why.kind != FAILURE_NONE && why->kind == FAILURE_NONE) {
        *why = tls->check.why;
    } else if (tls->error != 0) {
        fail(why, FAILURE_TLS_LOST, server, strerror(tls->error));
    } else if (ssl_error == SSL_ERROR_SYSCALL || first == 0) {
        fail(why, FAILURE_TLS_CLOSED, server);
    }
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (ERR_GET_LIB(first) == ERR_LIB_SSL && causes[i].reason == reason)
            fail(why, causes[i].kind, server, words ? words : "?");
    }
    if (ERR_GET_LIB(first) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
        const int alert = reason - SSL_AD_REASON_OFFSET;

        fail(why, kind_of_alert(tls, alert), server, SSL_alert_desc_string_long(alert));
    }
    fail(why, FAILURE_TLS_OTHER, server, words ? words : "no reason given"); /* the first failure stays */
    ERR_clear_error();
}
