#include "tests/unit/tls_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bn.h>
#include <openssl/dsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/protocol/plain.h"
#include "tests/unit/cmocka_all.h"

enum { DAY = 24 * 3600 };

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    if (!value || !*value)
        return;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_raw_name(X509 *certificate, const char *bytes, size_t length)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    ASN1_STRING_set(text, bytes, (int)length);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    GENERAL_NAMES_free(names);
}

/* "OID=value" or "critical,OID=value", with the value as in openssl.cnf ("DER:05:00", "ASN1:..."). */
static void add_any_extension(X509 *certificate, const char *words)
{
    const bool critical = strncmp(words, "critical,", 9) == 0;
    const char *oid = words + (critical ? 9 : 0);
    const char *value = strchr(oid, '=') + 1;
    char name[64], text[512];
    X509_EXTENSION *extension;

    snprintf(name, sizeof name, "%.*s", (int)(value - oid - 1), oid);
    snprintf(text, sizeof text, "%s%s", critical ? "critical," : "", value);
    extension = X509V3_EXT_conf(NULL, NULL, name, text);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static EVP_PKEY *make_dsa(void)
{
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
    EVP_PKEY *parameters = NULL, *key = NULL;

    assert_int_equal(EVP_PKEY_paramgen_init(maker), 1);
    assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(maker, 2048), 1);
    assert_int_equal(EVP_PKEY_paramgen(maker, &parameters), 1);
    EVP_PKEY_CTX_free(maker);
    maker = EVP_PKEY_CTX_new(parameters, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
    assert_int_equal(EVP_PKEY_keygen(maker, &key), 1);
    EVP_PKEY_CTX_free(maker);
    EVP_PKEY_free(parameters);
    return key;
}

static EVP_PKEY *make_key(const struct wish *wish)
{
    if (wish->key && strcmp(wish->key, "DSA") == 0)
        return make_dsa();
    if (wish->rsa_bits > 0)
        return EVP_RSA_gen((unsigned)wish->rsa_bits);
    return EVP_EC_gen(wish->key ? wish->key : "P-256");
}

static void set_serial(ASN1_INTEGER *to, const char *hex)
{
    static long serial;
    BIGNUM *number = NULL;

    if (!hex) {
        ASN1_INTEGER_set(to, ++serial);
        return;
    }
    assert_true(BN_hex2bn(&number, hex) > 0);
    assert_non_null(BN_to_ASN1_INTEGER(number, to));
    BN_free(number);
}

static void add_name(X509_NAME *name, const char *cn)
{
    if (cn && *cn)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
}

static void add_extensions(X509 *certificate, X509 *issuer, const struct wish *wish)
{
    add_extension(certificate, issuer, NID_basic_constraints,
                  wish->basic ? wish->basic
                  : wish->ca  ? "critical,CA:TRUE"
                              : "CA:FALSE");
    add_extension(certificate, issuer, NID_key_usage,
                  wish->key_usage ? wish->key_usage
                  : wish->ca      ? "critical,keyCertSign,cRLSign"
                                  : "digitalSignature,keyEncipherment");
    add_extension(certificate, issuer, NID_ext_key_usage,
                  wish->usage ? wish->usage
                  : wish->ca  ? NULL
                              : "serverAuth");
    add_extension(certificate, issuer, NID_name_constraints, wish->constraints);
    add_extension(certificate, issuer, NID_subject_alt_name, wish->san);
    add_extension(certificate, issuer, NID_subject_key_identifier, wish->ski);
    add_extension(certificate, issuer, NID_authority_key_identifier, wish->aki);
    if (wish->raw_dns)
        add_raw_name(certificate, wish->raw_dns, wish->raw_length);
    if (wish->more)
        add_any_extension(certificate, wish->more);
}

struct identity_of_peer peer_certificate(const struct wish *wish, const struct identity_of_peer *issuer)
{
    EVP_PKEY *key = make_key(wish);
    const struct identity_of_peer made = peer_certificate_of_key(wish, issuer, key);

    EVP_PKEY_free(key);
    return made;
}

struct identity_of_peer peer_certificate_of_key(const struct wish *wish,
                                                const struct identity_of_peer *issuer, EVP_PKEY *key)
{
    struct identity_of_peer made = {.certificate = X509_new(), .key = key};
    const bool dated = wish->begin != 0 || wish->end != 0;
    X509 *const certificate = made.certificate;

    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    if (!issuer)
        issuer = &made;
    X509_set_version(certificate, wish->version_1 ? X509_VERSION_1 : X509_VERSION_3);
    set_serial(X509_get_serialNumber(certificate), wish->serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), (dated ? wish->begin : -1) * (long)DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (dated ? wish->end : 30) * (long)DAY);
    X509_set_pubkey(certificate, made.key);
    add_name(X509_get_subject_name(certificate), wish->cn);
    if (wish->issuer_cn)
        add_name(X509_get_issuer_name(certificate), wish->issuer_cn);
    else
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
    if (!wish->version_1)
        add_extensions(certificate, issuer->certificate, wish);
    assert_true(X509_sign(certificate, issuer->key, wish->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return made;
}

void peer_certificate_free(struct identity_of_peer *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

void peer_certificate_to_file(const struct identity_of_peer *identity, const char *path)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    fclose(file);
}

void peer_authority_open(struct peer_authority *authority)
{
    int fd;

    strcpy(authority->file, "/tmp/retrotls-test-ca-XXXXXX");
    fd = mkstemp(authority->file);
    assert_true(fd >= 0);
    close(fd);
    authority->root = peer_certificate(&(struct wish){.cn = "Test Root", .ca = true}, NULL);
    peer_certificate_to_file(&authority->root, authority->file);
}

void peer_authority_close(struct peer_authority *authority)
{
    peer_certificate_free(&authority->root);
    unlink(authority->file);
}

void peer_crl_to_file(const struct identity_of_peer *issuer, X509 *revoked, const char *path)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, -DAY);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, when);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();

        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
        X509_REVOKED_set_revocationDate(entry, when);
        X509_CRL_add0_revoked(crl, entry);
    }
    X509_gmtime_adj(when, DAY);
    X509_CRL_set1_nextUpdate(crl, when);
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    ASN1_TIME_free(when);
    X509_CRL_free(crl);
}

SSL_CTX *peer_context(const struct identity_of_peer *identity, X509 *chain)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0); /* some tests use weak ones on purpose */
    assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
    if (chain)
        assert_int_equal(SSL_CTX_add1_chain_cert(context, chain), 1);
    return context;
}

void peer_tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, sizeof address), 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
    for (int i = 0; i < 2; i++) /* many tests write twice before they read */
        assert_int_equal(setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    close(listener);
}

static void *serve(void *argument)
{
    struct tls_peer_server *s = argument;
    SSL *ssl = SSL_new(s->context);

    SSL_set_fd(ssl, s->fd);
    s->accepted = SSL_accept(ssl) == 1;
    if (s->accepted && s->act)
        s->act(ssl, s->argument);
    SSL_free(ssl);
    close(s->fd);
    return NULL;
}

void peer_server_start(struct tls_peer_server *server)
{
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

bool peer_server_join(struct tls_peer_server *server)
{
    pthread_join(server->thread, NULL);
    return server->accepted;
}

struct peer_seen peer_handshake(SSL_CTX *context, const struct settings *settings,
                                const struct text_list *asked, void (*act)(SSL *, void *))
{
    const struct wire_address address = {.family = AF_INET, .port = 143, .bytes = {127, 0, 0, 1}};
    const struct tls_peer peer = {
        .settings = settings, .asked = asked, .address = &address, .server = "mail.example"};
    struct tls_peer_server server = {.context = context, .act = act};
    struct transport transport;
    struct plain dialogue = {
        .transport = &transport, .program = -1, .deadline = plain_now() + 20000, .server = "mail.example"};
    struct peer_seen seen = {.done = false};
    struct tls tls;
    char bytes[16];
    size_t count;
    int pair[2];

    peer_tcp_pair(pair);
    server.fd = pair[1];
    peer_server_start(&server);
    transport_over_socket(&transport, pair[0]);
    if (tls_open(&tls, pair[0], &peer, &seen.why)) {
        seen.done = tls_handshake(&tls, &dialogue, &seen.why);
        if (!seen.why.kind)
            seen.why = tls.check.why;
        snprintf(seen.verified, sizeof seen.verified, "%s", tls.check.verified);
        seen.resumed = SSL_session_reused(tls.ssl);
        if (seen.done && act) { /* one byte; reading it has also read the tickets before it */
            while (tls.stream.read(&tls.stream, bytes, sizeof bytes, &count) == FLOW_BLOCKED) {
                plain_wait(&dialogue, POLLIN, dialogue.deadline);
                tls.stream.ready.fresh = true;
            }
        }
        tls_close(&tls);
    }
    close(pair[0]);
    peer_server_join(&server);
    peer_saw(&seen.why);
    return seen;
}

static bool kinds_seen[FAILURE_KINDS];

void peer_saw(const struct failure *why)
{
    kinds_seen[why->kind] = true;
    assert_true(why->kind == FAILURE_NONE || strlen(why->text) > 20);
    assert_null(strstr(why->text, "%s"));
}

void peer_must_have_seen(const enum failure_kind *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!kinds_seen[wanted[i]])
            fail_msg("nothing reaches %s", failure_name(wanted[i]));
    }
}

struct text_list peer_names(const char *one, const char *two)
{
    return (struct text_list){.count = one ? two ? 2 : 1 : 0, .item = {one, two}};
}

struct peer_authority peer_trusted;
struct identity_of_peer peer_shown;

int peer_set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    peer_authority_open(&peer_trusted);
    peer_shown = peer_certificate(&(struct wish){.san = "DNS:mail.example,IP:127.0.0.1"}, &peer_trusted.root);
    return 0;
}

int peer_tear_down(void **state)
{
    (void)state;
    peer_certificate_free(&peer_shown);
    peer_authority_close(&peer_trusted);
    return 0;
}

struct settings peer_settings(enum level level)
{
    return (struct settings){.level = level, .ca_file = peer_trusted.file};
}
